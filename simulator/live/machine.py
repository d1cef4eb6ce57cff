"""Reads the machine's counters for ``measure.machine``: control groups, stolen time, TCP.

Linux alone tells them; elsewhere every counter is None. Files that stay at their place for the
whole run are found once. One reading was measured at half a millisecond, once a second.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from simulator.measure.machine import MachineSample

PROC: Final = Path("/proc")
_STEAL: Final = 7
"""Column of stolen time in the first line of /proc/stat (proc_stat(5))."""
_COUNTED: Final = 8
"""The columns after it, guest time, are contained in the first two."""


class Machine:
    """The counters of this machine as this process sees them."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._groups = control_groups(proc)
        try:
            self._tick_s = 1.0 / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError):
            self._tick_s = 0.01

    def read(self, now: float) -> MachineSample:
        """All counters; ``now`` in seconds since T0."""
        throttled, throttled_s = self._throttling()
        cpu_s, steal_s = self._times()
        return MachineSample(
            now,
            throttled,
            throttled_s,
            cpu_s,
            steal_s,
            _counter(self._proc / "net" / "snmp", "Tcp", "RetransSegs"),
            _counter(self._proc / "net" / "netstat", "TcpExt", "ListenDrops"),
        )

    def _throttling(self) -> tuple[int | None, float | None]:
        """Of the group of this process and of those around it: each may have a quota."""
        periods, seconds, known = 0, 0.0, False
        for path in self._groups:
            facts = _facts(path)
            if "nr_throttled" in facts:
                known = True
                periods += facts["nr_throttled"]
                seconds += facts.get("throttled_usec", 0) * 1e-6
                seconds += facts.get("throttled_time", 0) * 1e-9
        return (periods, seconds) if known else (None, None)

    def _times(self) -> tuple[float | None, float | None]:
        try:
            with (self._proc / "stat").open("rb") as file:
                fields = file.readline().split()
            ticks = [int(field) for field in fields[1 : 1 + _COUNTED]]
        except (OSError, ValueError):
            return None, None
        if len(ticks) < _COUNTED:
            return None, None
        return sum(ticks) * self._tick_s, ticks[_STEAL] * self._tick_s


def control_groups(proc: Path = PROC) -> tuple[Path, ...]:
    """The ``cpu.stat`` of every control group that holds this process, version 1 and 2."""
    try:
        memberships = (proc / "self" / "cgroup").read_text().splitlines()
        mounts = (proc / "self" / "mountinfo").read_text().splitlines()
    except OSError:
        return ()
    found: list[Path] = []
    for line in memberships:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        for root, mount in _mounts(mounts, "cpu" if controllers else ""):
            inside = path.removeprefix(root.rstrip("/")).strip("/")
            folder = mount / inside if inside else mount
            while folder.is_relative_to(mount):
                if (folder / "cpu.stat").is_file():
                    found.append(folder / "cpu.stat")
                folder = folder.parent
    return tuple(dict.fromkeys(found))


def _mounts(lines: list[str], controller: str) -> list[tuple[str, Path]]:
    """(root, mount point) of a version 1 controller's hierarchy, or with "" of version 2's."""
    found = []
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, (kind, *options) = left.split(), right.split() or [""]
        wanted = "cgroup" if controller else "cgroup2"
        if kind != wanted or len(fields) < 5:
            continue
        if not controller or controller in options[-1].split(","):
            found.append((fields[3], Path(fields[4])))
    return found


def _facts(path: Path) -> dict[str, int]:
    """The numbers of a ``cpu.stat``; none if it is gone."""
    try:
        pairs = [line.split() for line in path.read_text().splitlines()]
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
    except (OSError, ValueError):
        return {}


def _counter(path: Path, group: str, name: str) -> int | None:
    """A counter of /proc/net/snmp or netstat: pairs of lines, names above numbers."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return None
    rows = [line[1:] for line in lines if line and line[0] == f"{group}:"]
    if len(rows) < 2 or name not in rows[0]:
        return None
    column = rows[0].index(name)
    try:
        return int(rows[1][column])
    except (IndexError, ValueError):
        return None
