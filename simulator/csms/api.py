"""The HTTP API of the embedded CSMS: commands to stations, and what is known of them.

Answers requests that :mod:`simulator.csms.web` has read; which there are, and the OpenAPI document,
is in :mod:`simulator.csms.routes`. Each route has a method of its name here.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from jsonschema import Draft202012Validator

from simulator.csms import openapi
from simulator.csms.central import COMMAND_TIMEOUT_S, CentralSystem
from simulator.csms.commands import (
    COMMANDS,
    Mistake,
    mistakes,
    schema,
    wrong_action,
    wrong_payload,
)
from simulator.csms.holdings import StationRecord
from simulator.csms.line import Outcome
from simulator.csms.routes import ROUTES, SCHEMAS, Route
from simulator.csms.tokens import Standing
from simulator.csms.transactions import Transaction
from simulator.csms.trouble import Trouble
from simulator.csms.views import page, station_row, told, transaction_row, wire_id
from simulator.csms.web import HttpError, Reply, Request
from simulator.scenario.problems import nearest, shown

AT_ONCE: Final = 1000
"""Stations that a broadcast waits for at the same time."""
_STATUS: Final = {
    "answered": 200,
    "callerror": 502,
    "invalid_answer": 502,
    "timeout": 504,
    "closed": 409,
    "busy": 429,
}
_Query = dict[str, Any]


class Api:
    """Answers the requests to one CSMS: ``await api(request)``, HttpError for a wrong one."""

    def __init__(self, csms: CentralSystem) -> None:
        """Serve this CSMS, on its event loop."""
        self._csms = csms
        self._holdings = csms.holdings
        self._trouble = Trouble(csms)

    async def __call__(self, request: Request) -> Reply:
        """Find the route, check query and body by what it declares, and answer."""
        route, named = _route(request)
        given: list[Any] = list(named)
        if route.query:
            given.append(_read_query(request, route))
        elif request.query:
            raise _wrong("the query", [Mistake(name, None, "no query") for name in request.query])
        if route.body is not None:
            body = request.json()
            if found := mistakes(Draft202012Validator(SCHEMAS[route.body]), body):
                raise _wrong("the body", found)
            given.append(body)
        owner = self if hasattr(self, route.name) else self._trouble
        method: Callable[..., Awaitable[Reply]] = getattr(owner, route.name)
        return await method(*given)

    async def openapi(self) -> Reply:
        """The OpenAPI document."""
        return Reply(openapi.document())

    async def summary(self) -> Reply:
        """What is held in total."""
        return Reply(self._holdings.summary())

    async def stations(self, query: _Query) -> Reply:
        """Stations by name."""
        after, connected, version = (query.get(n) for n in ("after", "connected", "version"))
        found = (
            record
            for name, record in sorted(self._holdings.stations.items())
            if (after is None or name > after)
            and (connected is None or record.connected == connected)
            and (version is None or record.version == version)
        )
        rows, more = page(found, query["limit"])
        return Reply(
            {
                "stations": [station_row(record) for record in rows],
                "next": rows[-1].id if more else None,
            }
        )

    async def station(self, station_id: str) -> Reply:
        """One station with all that is known of it."""
        record = self._record(station_id)
        open_transactions = [
            transaction.id
            for transaction in self._holdings.transactions.values()
            if transaction.station == station_id and transaction.open
        ]
        return Reply(
            {
                **station_row(record),
                "statuses": record.statuses,
                "messages": dict(sorted(record.messages.items())),
                "notifications": record.notes,
                "open_transactions": open_transactions,
            }
        )

    async def reports(self, station_id: str, query: _Query) -> Reply:
        """Reports of a station."""
        self._record(station_id)
        found = [
            report.as_json(content=query["content"])
            for report in self._holdings.reports.of(station_id)
            if query.get("action") in (None, report.action)
            and query.get("request_id") in (None, report.request_id)
        ]
        return Reply({"reports": found})

    async def transactions(self, query: _Query) -> Reply:
        """Transactions by number."""
        after = query.get("after", 0)
        found = (
            transaction
            for transaction in self._holdings.transactions.values()
            if transaction.id > after and _fits(transaction, query)
        )
        rows, more = page(found, query["limit"])
        return Reply(
            {
                "transactions": [transaction_row(transaction) for transaction in rows],
                "next": rows[-1].id if more else None,
            }
        )

    async def command(self, station_id: str, body: dict[str, Any]) -> Reply:
        """Send one command."""
        record = self._record(station_id)
        version = self._csms.version_of(station_id)
        if version is None:
            raise HttpError(409, f"station {record.id!r} is not connected")
        _check(version, body)
        outcome = await self._send(station_id, body)
        if outcome is None:
            raise HttpError(409, f"station {record.id!r} is not connected")
        return Reply(outcome.as_json(), _STATUS[outcome.result])

    async def broadcast(self, body: dict[str, Any]) -> Reply:
        """Send one command to many stations."""
        asked = body.get("stations")
        connected = {name: self._csms.version_of(name) for name in self._csms.connected()}
        if asked is None:
            targets = list(connected)
        else:
            targets = list(dict.fromkeys(asked))
            absent = [name for name in targets if name not in connected]
            if absent:
                raise _wrong(
                    "the body",
                    [Mistake("stations", shown(name), "a connected station") for name in absent],
                )
        wanted = body.get("version")
        targets = [name for name in targets if wanted in (None, connected[name])]
        versions = {connected[name] for name in targets} or {wanted}
        for version in sorted(name for name in versions if name is not None):
            _check(version, body)
        gate = asyncio.Semaphore(AT_ONCE)

        async def send(name: str) -> Outcome:
            async with gate:
                outcome = await self._send(name, body)
            return outcome or Outcome(name, connected[name] or "", body["action"], "closed")

        return Reply(told(await asyncio.gather(*map(send, targets))))

    async def tokens(self, query: _Query) -> Reply:
        """Tokens that are known by name."""
        after = query.get("after", "")
        found = ((token, standing) for token, standing in self._csms.tokens if token > after)
        rows, more = page(found, query["limit"])
        return Reply(
            {
                "tokens": {token: asdict(standing) for token, standing in rows},
                "next": rows[-1][0] if more else None,
                "default": self._csms.tokens.default.status,
            }
        )

    async def put_token(self, token: str, body: dict[str, Any]) -> Reply:
        """Change how a token stands."""
        if not 0 < len(token) <= 36:
            expected = "a token of 1 to 36 characters"
            raise _wrong("the path", [Mistake("token", shown(token), expected)])
        expiry = body.get("cache_expiry")
        if expiry is not None and not _is_time(expiry):
            expected = "a time with its zone, such as 2026-06-01T12:00:00Z"
            raise _wrong("the body", [Mistake("cache_expiry", shown(expiry), expected)])
        standing = Standing(body["status"], body.get("group"), expiry)
        self._csms.tokens.put(token, standing)
        return Reply(asdict(standing))

    async def commands(self) -> Reply:
        """Every command, by version."""
        return Reply(dict(COMMANDS))

    async def schema(self, version: str, action: str) -> Reply:
        """The schema of a command's payload."""
        if version not in COMMANDS:
            raise HttpError(404, f"no OCPP version {version!r} is spoken here")
        if wrong := wrong_action(version, action):
            raise HttpError(404, str(wrong))
        return Reply(schema(version, action))

    async def _send(self, station_id: str, body: dict[str, Any]) -> Outcome | None:
        timeout_s = body.get("timeout_s", COMMAND_TIMEOUT_S)
        payload = self._csms.fill_root(body.get("payload", {}))
        return await self._csms.command(station_id, body["action"], payload, timeout_s)

    def _record(self, station_id: str) -> StationRecord:
        record = self._holdings.stations.get(station_id)
        if record is None:
            near = nearest(station_id, itertools.islice(self._holdings.stations, 10_000))
            hint = f"; did you mean {near!r}?" if near else ""
            raise HttpError(404, f"no station {station_id!r} has connected{hint}")
        return record


def _route(request: Request) -> tuple[Route, list[str]]:
    """Return the route of a request with the parameters of its path."""
    allowed = []
    for route in ROUTES:
        named = _match(route.parts, request.path)
        if named is None:
            continue
        if route.method == request.method:
            return route, named
        allowed.append(route.method)
    path = "/" + "/".join(request.path)
    if allowed:
        raise HttpError(405, f"{path} takes {' and '.join(allowed)}", allow=allowed)
    raise HttpError(404, f"nothing is at {path}; GET /openapi.json tells what there is")


def _match(parts: tuple[str, ...], path: tuple[str, ...]) -> list[str] | None:
    if len(parts) != len(path):
        return None
    named = []
    for part, given in zip(parts, path, strict=True):
        if part.startswith("{"):
            if not given:
                return None
            named.append(given)
        elif part != given:
            return None
    return named


def _read_query(request: Request, route: Route) -> _Query:
    """Return the parameters of a query as their types, with defaults."""
    known = {param.name: param for param in route.query}
    read: _Query = {
        name: param.schema["default"] for name, param in known.items() if "default" in param.schema
    }
    found = []
    for name, text in request.query.items():
        if name not in known:
            expected = "a parameter of this path"
            found.append(Mistake(name, shown(text, name), expected, nearest(name, known)))
            continue
        rules = known[name].schema
        read[name] = _typed(text, rules["type"])
        for mistake in mistakes(Draft202012Validator(rules), read[name]):
            found.append(Mistake(name, shown(text, name), mistake.expected, mistake.suggestion))
    if found:
        raise _wrong("the query", found)
    return read


def _typed(text: str, kind: str) -> Any:
    """Return the text of a query as the type declared; as text where it is no such thing."""
    if kind == "integer" and text.isascii() and text.removeprefix("-").isdecimal():
        return int(text) if len(text) < 20 else text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text


def _check(version: str, body: dict[str, Any]) -> None:
    """Raise HttpError if the command does not fit the schemas of a version."""
    wrong = wrong_action(version, body["action"])
    found = [wrong] if wrong else []
    if not found:
        payload = body.get("payload", {})
        found = [
            mistake.under("payload") for mistake in wrong_payload(version, body["action"], payload)
        ]
    if found:
        raise _wrong(f"the command for OCPP {version}", found)


def _wrong(what: str, found: Iterable[Mistake]) -> HttpError:
    rows = list(found)
    text = f"{what} is wrong: " + "; ".join(map(str, rows))
    return HttpError(400, text, [mistake.as_json() for mistake in rows])


def _fits(transaction: Transaction, query: _Query) -> bool:
    token = query.get("token")
    return (
        query.get("station") in (None, transaction.station)
        and (token is None or token.casefold() == transaction.token.casefold())
        and query.get("transaction_id") in (None, wire_id(transaction))
        and query.get("version") in (None, transaction.version)
        and query.get("open") in (None, transaction.open)
    )


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
