"""What recording a call costs on this machine, measured on a recorder of its own."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

from simulator.measure.recorder import BLOCK, Recorder
from simulator.station.ports import CallOutcome

_NAMES = ("A", "B", "C", "D")


def self_cost(calls: int = 4 * BLOCK, clock: Callable[[], float] = thread_time) -> float:
    """Seconds per call: planned, finished, and its share of the folding.

    Takes some milliseconds of CPU, so it belongs outside the measured part of a run.
    """
    scratch = Recorder(_NAMES, 64)
    outcome = CallOutcome.ANSWERED
    begin = clock()
    for number in range(calls):
        station, action, due = number & 63, _NAMES[number & 3], number * 1e-4
        scratch.call_planned(station, action, due, 1)
        written, ended = due + 2e-4, due + 3e-3 + (number % 97) * 1e-4
        scratch.call_finished(station, action, outcome, due, written, ended, 1e-4, 0.0, "")
    scratch.snapshot(1.0)
    return (clock() - begin) / calls
