"""Judging a measurement by the clauses of ``[slo] require``.

Rules that hold for every clause:

* ``response`` and ``service`` hold answered calls and, at their age, timed-out ones. CALLERRORs and
  lost connections count in ``errors.ratio`` and ``calls.*``.
* ``stations.booted_ratio`` is that of stations accepted at least once to stations asked for: a
  BootNotification that is answered with Rejected is no error.
* ``errors.ratio`` is that of failed to all attempts, at calls and at connections: a CSMS that lets
  nobody in has no failed calls.
* A call unanswered when the run ended has a latency of at least its age. Where that age is over the
  limit already, it counts as a value over the limit; otherwise it says nothing and is left out.
* A percentile needs enough values (``measurement.needed``: p50 5, p95 59, p99 299, p99.9 2995).
  With fewer, the worst value stands in for it: a clause can then be met only if every value meets
  it, and the note says so.
* A clause about something that never happened is not met: nothing was shown. Only where no station
  of the run can send any of its messages, as there is no StartTransaction in OCPP 2.0.1, the clause
  does not apply: it is neither met nor missed, and the note says so.
* Steps of calls of the CSMS's API (``RemoteStart.command``) are counted from when they were due. A
  command that did not come within 30 s, or was open at the end, has a time of at least its age, as
  has a call. A step is judged by the call's name, not by the versions' words.
* The phases in ``skip_phases`` are left out of latencies; counts and ratios are of the whole run.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from simulator.measure.errors import CONNECTING
from simulator.measure.histogram import Histogram, microseconds, total
from simulator.measure.keys import API, Kind
from simulator.measure.measurement import Measurement, needed, select

if TYPE_CHECKING:
    from simulator.scenario.slo import Clause

SKIPPED_PHASES = ("warmup", "storm", "cooldown")

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
_KINDS = {
    "response": (Kind.RESPONSE, Kind.CENSORED),
    "service": (Kind.SERVICE, Kind.CENSORED_SERVICE),
    "queue": (Kind.QUEUE, Kind.CENSORED_QUEUE),
}


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """How a clause came out; ``value``, ``limit`` and ``margin`` are in ``unit``."""

    text: str
    value: float | None
    limit: float
    unit: str
    """``s``, ``ratio`` or ``count``."""
    margin: float | None
    """Room left up to the limit; negative when it is exceeded."""
    n: int
    """How many values the judgement rests on."""
    ok: bool
    """It is not missed."""
    note: str
    applies: bool = True
    """False: no station of the run can send what it is about, so nothing was judged."""

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON types."""
        return asdict(self)


def evaluate(
    clauses: Sequence[Clause],
    measurement: Measurement,
    transactions: Mapping[str, int | None],
    stations: Mapping[str, int | None] | None = None,
    *,
    sent: Collection[str] | None = None,
    skip_phases: Collection[str] = SKIPPED_PHASES,
) -> list[ClauseResult]:
    """Judge each clause. ``transactions`` and ``stations`` are those of ``summary.json``.

    ``sent`` are the actions that the run's stations can send at all; None: any.
    """
    facts: dict[str, int | None] = {
        f"calls.{k}": v for k, v in measurement.calls().as_dict().items()
    }
    facts |= {f"transactions.{name}": count for name, count in transactions.items()}
    facts |= {f"stations.{name}": count for name, count in (stations or {}).items()}
    results = []
    for clause in clauses:
        if clause.path is None and not _possible(clause, sent):
            results.append(_inapplicable(clause))
        elif clause.path is None:
            results.append(_latency(clause, measurement, skip_phases))
        elif clause.path == "errors.ratio":
            results.append(_ratio(clause, measurement))
        elif clause.path == "stations.booted_ratio":
            results.append(_booted(clause, stations or {}))
        else:
            results.append(_count(clause, facts.get(clause.path)))
    return results


def _possible(clause: Clause, sent: Collection[str] | None) -> bool:
    if sent is None or clause.of_calls or clause.actions == ("*",):
        return True
    return any(action in sent for action in clause.actions)


def _inapplicable(clause: Clause) -> ClauseResult:
    names = " or ".join(clause.actions)
    note = f"not applicable: no station of this run can send {names} in the version that it speaks"
    return ClauseResult(clause.text, None, clause.limit, clause.unit, None, 0, True, note, False)


def _latency(
    clause: Clause, measurement: Measurement, skip_phases: Collection[str]
) -> ClauseResult:
    if clause.kind is None or not clause.actions or clause.statistic is None:
        raise ValueError(f"clause {clause.text!r} names neither a figure nor a latency")
    values, waiting = _series(clause, clause.kind, measurement, skip_phases)
    over = waiting.above(microseconds(clause.limit))
    values.add(over)
    if not values.n:
        what = "nothing of that kind was seen" if clause.of_calls else "no such call was answered"
        return _result(clause, None, 0, what)
    notes = []
    if over.n:
        what = "did not come, or not before the end" if clause.of_calls else "unanswered at the end"
        notes.append(f"{over.n} {what}, longer than the limit")
    value, note = _statistic(clause.statistic, values, upwards=clause.op in ("<", "<=", "="))
    return _result(clause, value / 1e6, values.n, "; ".join(filter(None, [note, *notes])))


def _series(
    clause: Clause, kind: str, measurement: Measurement, skip_phases: Collection[str]
) -> tuple[Histogram, Histogram]:
    """What a clause is about: the times themselves, and what was unanswered at the end."""
    if clause.of_calls:
        names = [f"{name}.{kind}" for name in clause.actions]
        kinds, direction = (Kind.RESPONSE, Kind.CENSORED), API
    else:
        names, kinds, direction = list(clause.actions), _KINDS[kind], "station"
    values, waiting = (
        total(select(measurement.histograms, each, name, skip_phases, direction) for name in names)
        for each in kinds
    )
    return values, waiting


def _statistic(name: str, values: Histogram, *, upwards: bool) -> tuple[float, str]:
    """(value in microseconds, note)."""
    if name == "mean":
        return values.mean_us or 0.0, ""
    if name == "max":
        return values.max_us, ""
    percent = float(name.removeprefix("p"))
    if values.n < needed(percent):
        worst, word = (values.max_us, "largest") if upwards else (values.min_us, "smallest")
        return (
            worst,
            f"n too small for {name} (needs {needed(percent)}): the {word} value is judged",
        )
    found = values.percentile(percent)
    return (0 if found is None else found), ""


def _ratio(clause: Clause, measurement: Measurement) -> ClauseResult:
    calls = measurement.calls()
    refused = measurement.errors.total(CONNECTING)
    failed = calls.failed + refused
    upgraded = measurement.connect.get("upgrade")  # none at all where every shard was lost
    n = failed + calls.answered + (upgraded.n if upgraded is not None else 0)
    if not n:
        return _result(clause, None, 0, "no call and no connection was tried")
    note = f"{refused} attempts at a connection failed among them" if refused else ""
    return _result(clause, failed / n, n, note)


def _booted(clause: Clause, stations: Mapping[str, int | None]) -> ClauseResult:
    asked, booted = stations.get("asked"), stations.get("booted")
    if not asked or booted is None:
        return _result(clause, None, 0, "no station was to connect")
    return _result(clause, booted / asked, asked, "")


def _count(clause: Clause, value: int | None) -> ClauseResult:
    if value is None:
        return _result(clause, None, 0, f"{clause.path} is not known")
    return _result(clause, float(value), value, "")


def _result(clause: Clause, value: float | None, n: int, note: str) -> ClauseResult:
    ok, margin = False, None
    if value is not None:
        ok = OPERATORS[clause.op](value, clause.limit)
        if clause.op == "=":
            margin = -abs(value - clause.limit)
        else:
            margin = (clause.limit - value) * (1 if clause.op in ("<", "<=") else -1)
    return ClauseResult(clause.text, value, clause.limit, clause.unit, margin, n, ok, note)
