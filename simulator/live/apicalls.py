"""Calls of the CSMS's own API, put together: templates filled in, or the embedded CSMS's words.

Nothing is sent here: ``commands`` and ``caller`` ask, ``http`` sends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from simulator.fleet.remotestart import AskStart
from simulator.live.http import Request, Server

DELIVERY_S: Final = 30.0
"""So long a command is waited for, and a station's answer to it."""


@dataclass(frozen=True, slots=True)
class Template:
    """A call as the scenario writes it: {station}, {evse} and so on are filled in."""

    method: str
    path: str
    body: str

    def filled(self, values: Mapping[str, str]) -> tuple[str, bytes]:
        """Path and body, each value written as the place asks for."""
        path, body = self.path, self.body
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return path, fill(body, values).encode()


def fill(text: str, values: Mapping[str, str]) -> str:
    """JSON with values in the place of their names; what in them needs escaping is escaped."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", json.dumps(value, ensure_ascii=False)[1:-1])
    return text


@dataclass(frozen=True, slots=True)
class ApiRules:
    """The API of the CSMS. Picklable."""

    server: Server
    prefix: str
    """Of every path, without a slash at its end."""
    start: Template | None
    """What an app calls; None: nobody starts by app, or the embedded CSMS is asked."""
    header: tuple[str, str] | None = None
    embedded: bool = False
    """It is that of the embedded CSMS."""

    def request(self, method: str, path: str, body: bytes) -> Request:
        """A call of it."""
        headers = [("Content-Type", "application/json")]
        if self.header is not None:
            headers.append(self.header)
        return Request(method, self.prefix + path, tuple(headers), body)

    def to_station(self, station: str, action: str, payload: Mapping[str, Any]) -> Request:
        """The embedded CSMS's call by which a station is sent a command."""
        body = json.dumps({"action": action, "payload": payload, "timeout_s": DELIVERY_S})
        return self.request("POST", f"/stations/{quote(station, safe='')}/commands", body.encode())

    def to_all(self, version: str, action: str, payload: Mapping[str, Any]) -> Request:
        """... by which all stations of a version are."""
        body = {"action": action, "payload": payload, "version": version, "timeout_s": DELIVERY_S}
        return self.request("POST", "/broadcast", json.dumps(body).encode())


def start_request(
    rules: ApiRules, station: str, action: str, payload: Mapping[str, Any], wish: AskStart
) -> Request:
    """The call for a driver at a station."""
    if rules.start is None:
        return rules.to_station(station, action, payload)
    values = {"station": station, "evse": str(wish.evse), "token": wish.token}
    return rules.request(rules.start.method, *rules.start.filled(values))
