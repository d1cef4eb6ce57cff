"""The HTTP API's routes about certificates and about misbehaviour; the others are in ``api``."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final

from simulator.csms.central import CentralSystem
from simulator.csms.commands import Mistake
from simulator.csms.faults import RATIOS
from simulator.csms.options import Faults, read_ratio
from simulator.csms.views import page
from simulator.csms.web import HttpError, Reply
from simulator.scenario.problems import FieldError, InputError, shown
from simulator.scenario.units import DURATION, parse

MOST_STALL_S: Final = 3600.0
_NAMES: Final = frozenset(field.name for field in fields(Faults))


class Trouble:
    """Answers for :class:`simulator.csms.api.Api`."""

    def __init__(self, csms: CentralSystem) -> None:
        self._csms = csms

    async def certificates(self, query: dict[str, Any]) -> Reply:
        """The root of the authority, and what it issued."""
        authority = self._csms.authority
        after, station = query.get("after", ""), query.get("station")
        found = (
            row
            for row in sorted(authority.issued(), key=lambda row: row.serial)
            if row.serial > after and station in (None, row.station)
        )
        rows, more = page(found, query["limit"])
        return Reply(
            {
                "root": authority.root_pem,
                "issued": [row.as_json() for row in rows],
                "next": rows[-1].serial if more else None,
            }
        )

    async def revoke(self, serial: str) -> Reply:
        """Revoke a certificate."""
        row = self._csms.authority.revoke(serial)
        if row is None:
            raise HttpError(404, f"no certificate {serial!r} was issued here")
        return Reply(row.as_json())

    async def faults(self) -> Reply:
        """How it misbehaves."""
        return Reply(self._csms.mischief.as_json())

    async def set_faults(self, body: dict[str, Any]) -> Reply:
        """Misbehave otherwise, freeze, or end."""
        said = {name: value for name, value in body.items() if name in _NAMES}
        for name in RATIOS:
            if isinstance(said.get(name), str):
                said[name] = _read(name, said[name], read_ratio)
        stall_s = _read("stall", body["stall"], _stall) if "stall" in body else 0.0
        try:
            self._csms.set_faults(replace(self._csms.mischief.faults, **said))
        except InputError as error:
            rows = [
                Mistake(found.where, found.value, found.expected).as_json()
                for found in error.problems
            ]
            raise HttpError(400, f"the body is wrong: {error}", rows) from None
        if stall_s:
            self._csms.stall(stall_s)
        if body.get("crash"):
            self._csms.crash()
        return Reply(self._csms.mischief.as_json())


def _stall(text: str) -> float:
    seconds = parse(DURATION, text)
    if not 0.0 < seconds <= MOST_STALL_S:
        raise FieldError(f"a time above 0, at most {MOST_STALL_S:g} s")
    return seconds


def _read(name: str, text: str, reader: Any) -> Any:
    try:
        return reader(text)
    except FieldError as error:
        mistake = Mistake(name, shown(text), error.expected, error.suggestion)
        raise HttpError(400, f"the body is wrong: {mistake}", [mistake.as_json()]) from None
