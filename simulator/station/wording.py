"""What all versions word alike: states of updates and uploads, security events, times."""

from __future__ import annotations

from typing import Any

from simulator.station import clock, notices
from simulator.station.model import Call
from simulator.station.payloads import Refusal
from simulator.station.rpc import text
from simulator.station.state import Action, Afterwards, Build, State

Answer = tuple[str, Afterwards | None]


def worded(status: str) -> str:
    """An answer that is nothing but a status."""
    return f'{{"status":"{status}"}}'


def progress(st: State, now: float, call: Call) -> str:
    """Status and request id of a firmware update or of the upload of a log."""
    told = call.about.about
    number = f',"requestId":{told.request_id}' if told.request_id is not None else ""
    return f'"status":"{told.status}"{number}'


def security_event(st: State, now: float, call: Call) -> str:
    """SecurityEventNotification (A04), with the time at which it happened."""
    entry = call.about.about
    info = f',"techInfo":{text(entry.info[:255])}' if entry.info else ""
    return f'"type":{text(entry.type[:50])},"timestamp":"{clock.iso(entry.at)}"{info}'


def epoch(payload: dict[str, Any], name: str, code: str, otherwise: float) -> float:
    """A time of a payload as epoch seconds; ``Refusal`` with that code if it is none."""
    if name not in payload:
        return otherwise
    found = clock.parse(payload[name])
    if found is None:
        raise Refusal(code, f"{name} is no date and time of ISO 8601")
    return found


def notice(build: Build) -> Action:
    """A message that notices carry."""
    return Action(build, notices.answered, notices.failed)
