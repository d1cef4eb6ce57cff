"""Files for stations: firmware that they fetch, logs that they store.

Off unless the scenario names hosts (``live.transfer_hosts``): then a transfer only takes its time,
nothing is sent, and the run counts it as a deviation. With hosts, those and no others are spoken
to, by HTTP or HTTPS, a few at a time, each bounded in time and size, and without following
redirections. ``link`` owns the transfers of its station.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from simulator.station.effects import Download, Upload
from simulator.station.ports import Transfer

SIMULATED_S: Final = 30.0
AT_ONCE: Final = 4
"""Transfers of one shard at the same time; the others wait."""
MOST_BYTES: Final = 256 * 2**20
TIMEOUT_S: Final = 30.0
"""For each step of a transfer."""
LONGEST_S: Final = 900.0
_CHUNK: Final = 64 * 1024
_DENIED: Final = frozenset((401, 403))
_UNSUPPORTED: Final = frozenset((405, 501))

Done = Callable[[Transfer, bytes, bool], None]
"""(outcome, SHA-256 of what was fetched, was it only played?)"""


@dataclass(frozen=True, slots=True)
class TransferRules:
    """Where files may go, and how long a transfer takes that is only played."""

    hosts: frozenset[str] = frozenset()
    simulated_s: float = SIMULATED_S


class Transfers:
    """The transfers of one shard."""

    def __init__(self, rules: TransferRules | None = None) -> None:
        self._rules = rules or TransferRules()
        self._gate = asyncio.Semaphore(AT_ONCE)

    def start(self, effect: Download | Upload, done: Done) -> Callable[[], None]:
        """Begin one; ``done`` is called once, later. Gives what cancels it."""
        loop = asyncio.get_running_loop()
        if not self._rules.hosts:
            known = scheme_known(effect.url)
            outcome = Transfer.DONE if known else Transfer.UNSUPPORTED
            return loop.call_later(self._rules.simulated_s, done, outcome, b"", True).cancel
        stop = threading.Event()
        task = loop.create_task(self._perform(effect, stop))

        def finished(task: asyncio.Task[tuple[Transfer, bytes]]) -> None:
            if not task.cancelled():
                done(*task.result(), False)

        def cancel() -> None:
            stop.set()
            task.cancel()

        task.add_done_callback(finished)
        return cancel

    async def _perform(
        self, effect: Download | Upload, stop: threading.Event
    ) -> tuple[Transfer, bytes]:
        async with self._gate:
            try:
                async with asyncio.timeout(LONGEST_S):
                    return await asyncio.to_thread(transfer, effect, self._rules.hosts, stop)
            except TimeoutError:
                stop.set()
                return Transfer.FAILED, b""


def scheme_known(url: str) -> bool:
    """HTTP and HTTPS are all that is spoken here."""
    return url.lower().startswith(("http://", "https://"))


def transfer(
    effect: Download | Upload, hosts: frozenset[str], stop: threading.Event
) -> tuple[Transfer, bytes]:
    """Do it, in the calling thread; never raises for what the address or the server does."""
    if not scheme_known(effect.url):
        return Transfer.UNSUPPORTED, b""
    try:
        place = urlsplit(effect.url)
        host, port = place.hostname or "", place.port
        if host not in hosts:
            return Transfer.DENIED, b""
        connection = _connect(place, host, port)
        try:
            if isinstance(effect, Upload):
                return _put(connection, place, effect)
            return _get(connection, place, stop)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError):
        return Transfer.FAILED, b""


def _connect(place: SplitResult, host: str, port: int | None) -> http.client.HTTPConnection:
    if place.scheme.lower() == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


def _headers(place: SplitResult) -> dict[str, str]:
    if place.username is None:
        return {}
    pair = f"{unquote(place.username)}:{unquote(place.password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _get(
    connection: http.client.HTTPConnection, place: SplitResult, stop: threading.Event
) -> tuple[Transfer, bytes]:
    connection.request("GET", _path(place.path, place.query), headers=_headers(place))
    response = connection.getresponse()
    outcome = _outcome(response.status)
    if outcome is not Transfer.DONE:
        return outcome, b""
    digest, size = hashlib.sha256(), 0
    while data := response.read(_CHUNK):
        size += len(data)
        if size > MOST_BYTES or stop.is_set():
            return Transfer.FAILED, b""
        digest.update(data)
    return Transfer.DONE, digest.digest()


def _put(
    connection: http.client.HTTPConnection, place: SplitResult, effect: Upload
) -> tuple[Transfer, bytes]:
    """PUT to the address; to one that ends in "/", below it under the file's name."""
    path = place.path + quote(effect.name) if place.path.endswith("/") else place.path
    headers = _headers(place) | {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{effect.name}"',
    }
    connection.request("PUT", _path(path, place.query), effect.data, headers)
    response = connection.getresponse()
    response.read(_CHUNK)
    return _outcome(response.status), b""


def _path(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _outcome(status: int) -> Transfer:
    if 200 <= status < 300:
        return Transfer.DONE
    if status in _DENIED:
        return Transfer.DENIED
    return Transfer.UNSUPPORTED if status in _UNSUPPORTED else Transfer.FAILED
