"""Every benchmark, one table: ours beside what a user would use instead, run in turn.

    python tests/benchmarks            about five minutes
    python tests/benchmarks kernel     one of them: kernel, three_phase, live, tls, ramp, station,
                                       csms, year

Ratios are what to quote; absolute figures belong to the machine. Nothing here asserts.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def kernel() -> None:
    """The compiled kernel under every policy against a plain simpy model of the same site."""
    import bench_kernel

    for row in bench_kernel.run():
        _print(row)


def three_phase() -> None:
    """A month of a three-phase garage against the same in numpy, stepping by five minutes."""
    import bench_three_phase

    for row in bench_three_phase.rows():
        theirs, ratio = "", ""
        if math.isfinite(row.theirs_s):
            theirs, ratio = f"{row.theirs_s:.2f} s", f"{row.theirs_s / row.ours_s:,.0f} x"
        print(f"| {row.name} | {row.ours_s:.4f} s | {theirs} | {ratio} |", flush=True)


def live() -> None:
    """A saturated live client against one on the ocpp package, and memory per station."""
    import bench_live

    for row in bench_live.run():
        _print(row)


def tls() -> None:
    """Connecting and holding stations over TLS, without and with their certificates, and plain."""
    import bench_tls

    for row in bench_tls.run():
        _print(row)


def ramp() -> None:
    """Switching a fleet on: stations per second, with the embedded CSMS beside it."""
    import bench_ramp

    found = bench_ramp.median()
    print(
        f"| {bench_ramp.STATIONS} stations connected, accepted, statuses told"
        f" | {found.stations_per_s:,.0f} stations/s | CPU a station: generator"
        f" {found.ours_us:.0f} us, CSMS {found.csms_us:.0f} us | |",
        flush=True,
    )


def station() -> None:
    """The station alone, without a socket, beside its goals."""
    import bench_station

    for name, value, unit, goal in bench_station.rows():
        print(f"| {name} | {value:,.2f} {unit} | goal: {goal:,.0f} | |", flush=True)


def csms() -> None:
    """The embedded CSMS, and what its options cost it; the factor is to itself without them."""
    import bench_csms

    for name, value, ratio in bench_csms.rows():
        print(f"| {name} | {value:,.0f} calls/CPU-s | | {ratio:.2f} x |", flush=True)


def year() -> None:
    """A year of 10 000 EVSEs from command to report, after a week of 2 000; on every core."""
    import bench_year

    for case in bench_year.cases():
        what = f"{case.evses:,} EVSEs x {case.days} d, {case.rows['sessions']:,} sessions"
        print(f"| {what} | {case.wall_s:.1f} s | | |", flush=True)
        print(f"| peak memory of all processes | {case.peak_mb:,.0f} MB | | |", flush=True)


def _print(row: tuple[str, float, float, str, float, str]) -> None:
    name, ours, theirs, unit, ratio, _ = row
    print(f"| {name} | {ours:,.1f} {unit} | {theirs:,.1f} {unit} | {ratio:.1f} x |", flush=True)


BENCHMARKS = {
    "kernel": kernel,
    "three_phase": three_phase,
    "live": live,
    "tls": tls,
    "ramp": ramp,
    "station": station,
    "csms": csms,
    "year": year,
}


def main(names: list[str]) -> int:
    """Run the benchmarks of these names, or all; returns the exit code."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; expected {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 1
    print("| what | chargeswarm | beside it | better |\n|---|---|---|---|", flush=True)
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
