"""Reports that stations send in parts: put together, and dropped when they grow too many.

A part is kept as the JSON that came, which is a fraction of the same as Python objects. Knows no
sockets and no files. Written by the desk, read by the HTTP API.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

BUDGET: Final = 64 << 20
"""Characters of reports held in total. The oldest reports go first."""
_OVERHEAD: Final = 512
"""What a report weighs beside its content, in characters."""

CONTENT: Final[Mapping[str, str]] = {
    "NotifyReport": "reportData",
    "NotifyMonitoringReport": "monitor",
    "NotifyEvent": "eventData",
    "NotifyCustomerInformation": "data",
    "NotifyDisplayMessages": "messageInfo",
    "ReportChargingProfiles": "",
}
"""Where the content of a part is, by message; empty: the part itself is the content."""
_ENVELOPE: Final = ("requestId", "tbc", "seqNo")


@dataclass(slots=True)
class Report:
    """One report of one station."""

    station: str
    action: str
    request_id: int | None
    """None for NotifyEvent, which nobody asked for."""
    generated_at: str | None
    parts: dict[int, str] = field(default_factory=dict)
    """JSON of each part's content, by sequence number."""
    last: int | None = None
    """The number of the part that said it is the last; None before it came."""

    @property
    def missing(self) -> list[int]:
        """The numbers of parts that must still come, as far as that is known."""
        end = self.last if self.last is not None else max(self.parts, default=-1)
        return [number for number in range(end) if number not in self.parts]

    @property
    def complete(self) -> bool:
        """True once the last part and all before it have come."""
        return self.last is not None and len(self.parts) > self.last and not self.missing

    @property
    def size(self) -> int:
        """Characters held."""
        return sum(map(len, self.parts.values()))

    def content(self) -> Any:
        """Return the parts joined in order: a list, for customer information a text."""
        pieces = [json.loads(self.parts[number]) for number in sorted(self.parts)]
        if CONTENT[self.action] == "data":
            return "".join(pieces)
        return [row for piece in pieces for row in piece]

    def as_json(self, *, content: bool = True) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        said = {
            "station": self.station,
            "action": self.action,
            "requestId": self.request_id,
            "generatedAt": self.generated_at,
            "parts": len(self.parts),
            "complete": self.complete,
            "missingParts": self.missing,
        }
        return {**said, "content": self.content()} if content else said


_Key = tuple[str, str, int | None, str | None]


@dataclass(slots=True)
class Reports:
    """The reports of all stations, the newest last."""

    budget: int = BUDGET
    dropped: int = 0
    """Reports given up because the budget was used."""
    completed: int = 0
    _held: OrderedDict[_Key, Report] = field(default_factory=OrderedDict)
    _size: int = 0

    def take(self, station: str, action: str, payload: Mapping[str, Any]) -> Report:
        """Add a part (the payload as on the wire) and return the report that it belongs to.

        The same request answered once more, or a first part that comes again, begins a new report.
        """
        generated_at = payload.get("generatedAt")
        event = action == "NotifyEvent"
        key = (station, action, payload.get("requestId"), generated_at if event else None)
        report = self._held.pop(key, None)
        number = payload.get("seqNo")
        if report is not None and _begins_again(report, number, generated_at):
            self._size -= report.size
            report = None
        if report is None:
            report = Report(station, action, payload.get("requestId"), generated_at)
        self._held[key] = report
        number = len(report.parts) if number is None else int(number)
        was_complete = report.complete
        self._size -= len(report.parts.get(number, ""))
        report.parts[number] = _content(action, payload)
        self._size += len(report.parts[number])
        if not payload.get("tbc", False):
            report.last = number
        self.completed += report.complete and not was_complete
        self._shrink()
        return report

    def of(self, station: str) -> list[Report]:
        """Return the reports of a station, the oldest first."""
        return [report for report in self._held.values() if report.station == station]

    def __len__(self) -> int:
        return len(self._held)

    def _shrink(self) -> None:
        """Give up the oldest reports; the newest stays, however large (a frame is bounded)."""
        while self._size + _OVERHEAD * len(self._held) > self.budget and len(self._held) > 1:
            _, oldest = self._held.popitem(last=False)
            self._size -= oldest.size
            self.dropped += 1


def _begins_again(report: Report, number: int | None, generated_at: str | None) -> bool:
    if number is None:
        return report.complete
    again = number in report.parts and report.generated_at != generated_at
    return again or (report.complete and number == 0)


def _content(action: str, payload: Mapping[str, Any]) -> str:
    """Return the content of a part as JSON; a part without any is an empty one."""
    name = CONTENT[action]
    content: Any
    if name == "data":
        content = payload.get(name, "")
    elif name:
        content = payload.get(name, [])
    else:
        content = [{key: value for key, value in payload.items() if key not in _ENVELOPE}]
    return json.dumps(content, separators=(",", ":"))
