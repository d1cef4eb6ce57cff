"""What only a live run has: series by second, phases, percentile curves, examples of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.report import words
from simulator.report.hlog import curve, read_hlog
from simulator.report.reading import F64, Reading, dig, floats

HLOG = "latency.hlog"
_CURVES = 5
"""Message types that get a percentile curve of their own, besides the sum of all."""

Phases = list[tuple[str, float, float]]


def by_second(reading: Reading) -> dict[str, F64] | None:
    """The per-second series as columns of floats."""
    frame = reading.table("seconds")
    return None if frame is None else {str(name): floats(frame, str(name)) for name in frame}


def phases(reading: Reading) -> Phases:
    """(name, start, end) of each phase in seconds since the start, where the summary has them."""
    found: Phases = []
    for row in reading.rows("phases"):
        start, end = words.as_number(row.get("start_s")), words.as_number(row.get("end_s"))
        if start is not None and end is not None and end > start:
            found.append((str(row.get("phase") or row.get("name") or ""), start, end))
    return found


def latency_over_time(reading: Reading) -> tuple[F64, dict[str, F64]] | None:
    """Seconds, and the percentiles of the responses that ended in each, in ms."""
    series = by_second(reading)
    if series is None or "second" not in series:
        return None
    lines = {n.removesuffix("_ms"): v for n, v in series.items() if n.endswith("_ms")}
    return series["second"], lines


def calls_per_s(reading: Reading) -> tuple[float, float | None, str] | None:
    """(mean rate of answered calls, largest in one second, what the mean is over)."""
    series = by_second(reading)
    if series is not None and np.nansum(series["answered"]) > 0:
        answered, seconds = series["answered"], series["second"]
        for name, start, end in phases(reading):
            inside = (seconds >= start) & (seconds < end)
            if name == "measure" and inside.any():
                mean = float(np.nansum(answered[inside]) / inside.sum())
                return mean, float(np.nanmax(answered)), "mean of the measure phase"
        return float(np.nanmean(answered)), float(np.nanmax(answered)), "mean of the run"
    answered_calls = words.as_number(reading.get("calls", "answered"))
    length = words.as_number(reading.get("duration_s"))
    if answered_calls and length:
        return answered_calls / length, None, "mean of the run"
    return None


def latency(reading: Reading, action: str, kind: str, quantile: str) -> float | None:
    """A figure of ``latency_ms`` in ms; ``*`` for all types."""
    return words.as_number(reading.get("latency_ms", action, kind, quantile))


def error_ratio(calls: Any) -> float | None:
    """Failed / (failed + answered) attempts."""
    answered = words.as_number(dig(calls, "answered"))
    if answered is None:
        return None
    decided = answered + failed(calls)
    return failed(calls) / decided if decided else None


def failed(calls: Any) -> float:
    """Attempts that ended in a CALLERROR, a timeout or a lost connection."""
    names = ("callerror", "timeout", "connection_lost")
    return sum(words.as_number(dig(calls, name)) or 0.0 for name in names)


def speed(reading: Reading) -> float | None:
    """How many times the plan was compressed."""
    found = reading.get("speed")
    return words.as_number(dig(reading.scenario, "live", "speed") if found is None else found)


def target(reading: Reading) -> str:
    """The address of the CSMS under test."""
    return str(reading.get("target") or dig(reading.scenario, "csms", "url") or "")


def controls(reading: Reading) -> dict[str, int]:
    """How many kinds of site each mode of control has, of those with a grid limit."""
    found: dict[str, int] = {}
    for site in reading.sites:
        if site.get("grid_limit") is not None:
            mode = str(site.get("control", "local"))
            found[mode] = found.get(mode, 0) + 1
    return found


def error_examples(reading: Reading) -> dict[str, Mapping[str, Any]]:
    """The first example of each class of error by the class's name."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in reading.rows("error_examples"):
        examples = row.get("examples")
        if isinstance(examples, list) and examples and isinstance(examples[0], Mapping):
            found[str(row.get("name"))] = examples[0]
    return found


def percentile_curves(reading: Reading) -> dict[str, tuple[F64, F64]]:
    """Response time by percentile: all calls, and the busiest message types."""
    path = reading.path / HLOG
    if not path.is_file():
        return {}
    try:
        series = read_hlog(path, lambda tag: tag[1] == "station" and tag[-1] == "response")
    except (OSError, ValueError) as error:
        reading.missing.append(f"{HLOG}: {error}")
        return {}
    by_action: dict[str, dict[int, int]] = {}
    for tag, counts in series.items():
        for name in (tag[0], "all calls"):
            sums = by_action.setdefault(name, {})
            for us, count in counts.items():
                sums[us] = sums.get(us, 0) + count
    order = sorted(by_action, key=lambda name: (-sum(by_action[name].values()), name))
    order.sort(key=lambda name: name != "all calls")
    return {name: curve(by_action[name]) for name in order[: 1 + _CURVES]}


def ledger_states(reading: Reading) -> list[list[str]]:
    """Transactions and energy by state and reason, the most frequent first."""
    frame = reading.table("ledger")
    if frame is None:
        return []
    keys = [frame["state"].fillna("").astype(str), frame["reason"].fillna("").astype(str)]
    energy = floats(frame, "energy_wh") / 1000
    rows = []
    for key, where in frame.groupby(keys, sort=True).indices.items():
        state, reason = key if isinstance(key, tuple) else (key, "")
        rows.append((len(where), str(state), str(reason), float(np.nansum(energy[where]))))
    rows.sort(key=lambda row: (-row[0], row[1:3]))
    return [
        [state, reason or words.DASH, words.count(n), words.energy(kwh)]
        for n, state, reason, kwh in rows
    ]
