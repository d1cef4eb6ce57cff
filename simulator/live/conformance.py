"""How the CSMS kept to OCPP on a live run, over all shards, and what finding that out cost.

``read_schemas`` begins a shard's share and ``examine`` ends it (``shard``); ``conformance`` is the
part of ``summary.json`` (``outcome``). What is checked is ``station.conformance``'s business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import thread_time
from typing import Any, Final

from simulator.measure.errors import ErrorKind, ErrorLog
from simulator.station.conformance import ANSWER, CALL, Conformance, Type
from simulator.station.schemas import schema
from simulator.station.versions import TABLES

PROTOCOL: Final = (
    ErrorKind.OCPP_MALFORMED,
    ErrorKind.OCPP_UNKNOWN_ACTION,
    ErrorKind.OCPP_UNKNOWN_ID,
    ErrorKind.OCPP_FORBIDDEN,
    ErrorKind.OCPP_FLOOD,
    ErrorKind.BAD_SUBPROTOCOL,
    ErrorKind.BAD_EXTENSION,
    ErrorKind.WS_PROTOCOL,
)
"""Rules of OCPP-J and WebSocket that a CSMS can break, besides schemas."""
_MOST_S: Final = 0.002
_MOST_TIMES: Final = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """What one shard saw, checked and found, as in ``station.conformance.Conformance``."""

    every: int
    seen: Mapping[tuple[str, str], int]
    checked: Mapping[Type, int]
    found: Mapping[tuple[Type, str], int]
    examples: Mapping[tuple[Type, str], str]
    cost_s: float
    """CPU seconds that checking took: how often, times what it takes on the last of each type."""


def read_schemas(versions: Iterable[str]) -> None:
    """Read every schema of these versions now, and not in a loop that runs."""
    for version in set(versions):
        TABLES[version].read_schemas()


def examine(judge: Conformance, clock: Callable[[], float] = thread_time) -> Judged:
    """The share of a shard whose run is over. Takes some milliseconds for the cost."""
    scratch = Conformance(0)
    cost = sum(judge.seen.values()) * _each(lambda: scratch.due("", ""), clock)
    for kind, n in judge.checked.items():
        name = kind.action + ("Response" if kind.side == ANSWER else "")
        check, payload = schema(kind.version, name), judge.last[kind]
        cost += n * _each(lambda c=check, p=payload: c.misfit(p), clock)  # type: ignore[misc]
    return Judged(judge.every, judge.seen, judge.checked, judge.found, judge.examples, cost)


def _each(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """CPU seconds that ``work`` takes once."""
    work()
    began, took, times = clock(), 0.0, 0
    while times < _MOST_TIMES and took < _MOST_S:
        for _ in range(10):
            work()
        times += 10
        took = clock() - began
    return took / times


def conformance(parts: Iterable[Judged], errors: ErrorLog, cpu_s: float) -> dict[str, Any] | None:
    """The part of the summary; None where no shard has told.

    ``checked`` and ``seen`` count messages by side; ``schema`` lists what did not fit, most
    frequent first; ``protocol`` counts the other rules that were broken; ``cpu_s`` is what checking
    cost, ``cpu_share`` its share of all CPU time of the generator.
    """
    parts = list(parts)
    if not parts:
        return None
    checked: Counter[Type] = Counter()
    found: Counter[tuple[Type, str]] = Counter()
    examples: dict[tuple[Type, str], str] = {}
    for part in parts:
        checked.update(part.checked)
        found.update(part.found)
        examples = {**part.examples, **examples}
    by_side = {
        side: sum(n for kind, n in checked.items() if kind.side == side) for side in (ANSWER, CALL)
    }
    cost = sum(part.cost_s for part in parts)
    order = sorted(found.items(), key=lambda row: (-row[1], row[0]))
    return {
        "one_in": parts[0].every,
        "seen": {ANSWER: sum(sum(p.seen.values()) for p in parts), CALL: by_side[CALL]},
        "checked": by_side,
        "schema": [
            {
                **kind._asdict(),
                "kind": fault,
                "count": n,
                "checked": checked[kind],
                "first": examples[kind, fault],
            }
            for (kind, fault), n in order
        ],
        "protocol": {str(kind): n for kind in PROTOCOL if (n := errors.count([kind]))},
        "cpu_s": cost,
        "cpu_share": cost / cpu_s if cpu_s > 0.0 else None,
    }
