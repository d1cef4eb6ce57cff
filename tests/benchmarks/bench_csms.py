"""The embedded CSMS: calls per CPU-second of its process, and what its options cost.

Stations that send one call after the other, each as soon as the one before is answered, over
loopback; CPU time is the CSMS's alone. ``python tests/benchmarks/bench_csms.py`` prints the table,
each row beside the CSMS without options, measured in the same minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from simulator.csms import CsmsOptions
from simulator.csms.options import Faults
from simulator.csms.process import EmbeddedCsms

STATIONS = 20
CALLS = 6000
ROUNDS = 3
AT = "2026-06-01T12:00:00.000Z"
SAMPLE = [
    {"value": "1500", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
    {"value": "11.0", "measurand": "Power.Active.Import", "unit": "kW"},
    {"value": "16.0", "measurand": "Current.Import", "unit": "A"},
]
START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": AT}


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, all threads (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def hammer(url: str, transactions: bool) -> None:
    """Have every station send its share of the calls."""

    async def station(number: int) -> None:
        offered: Any = ["ocpp1.6"]
        async with connect(f"{url}/B{number}", compression=None, subprotocols=offered) as socket:
            ids = count()

            async def call(action: str, payload: dict[str, Any]) -> Any:
                await socket.send(json.dumps([2, str(next(ids)), action, payload]))
                return json.loads(await socket.recv())

            for i in range(CALLS // STATIONS // (2 if transactions else 1)):
                if transactions:
                    answer = await call("StartTransaction", {**START, "meterStart": i})
                    stop = {"transactionId": answer[2]["transactionId"], "meterStop": i + 9}
                    await call("StopTransaction", {**stop, "timestamp": AT})
                else:
                    sample = {"timestamp": AT, "sampledValue": SAMPLE}
                    await call("MeterValues", {"connectorId": 1, "meterValue": [sample]})

    await asyncio.gather(*map(station, range(STATIONS)))


def measure(options: CsmsOptions, transactions: bool) -> float:
    """Calls per CPU-second."""
    with EmbeddedCsms(options) as csms:
        before = cpu_s(csms.pid)
        asyncio.run(hammer(csms.url, transactions))
        return CALLS / (cpu_s(csms.pid) - before)


def rows() -> Iterator[tuple[str, float, float]]:
    """Name, calls per CPU-second, and the ratio to the CSMS without options; medians."""
    plain, late = CsmsOptions(port=0), Faults(service_time="0ms")
    with tempfile.TemporaryDirectory() as folder:
        kept = CsmsOptions(port=0, sqlite=Path(folder) / "records.db")
        variants = (
            ("MeterValues", plain, False),
            ("MeterValues, --no-validate", replace(plain, validate=False), False),
            ("MeterValues, --fast", replace(plain, fast=True), False),
            ("MeterValues, --fast --no-validate", replace(plain, fast=True, validate=False), False),
            ("MeterValues, --sqlite", kept, False),
            ("MeterValues, --service-time 0ms", replace(plain, faults=late), False),
            ("StartTransaction, StopTransaction", plain, True),
            ("StartTransaction, StopTransaction, --sqlite", kept, True),
            ("StartTransaction, StopTransaction, --sqlite --fast", replace(kept, fast=True), True),
        )
        found: dict[str, list[float]] = {name: [] for name, *_ in variants}
        for _ in range(ROUNDS):
            for name, options, transactions in variants:
                found[name].append(measure(options, transactions))
                for file in Path(folder).iterdir():
                    file.unlink()
    medians = {name: statistics.median(values) for name, values in found.items()}
    for name, value in medians.items():
        beside = "StartTransaction, StopTransaction" if "Start" in name else "MeterValues"
        yield f"CSMS: {name}", value, value / medians[beside]


def main() -> None:
    for name, value, ratio in rows():
        print(f"{name:<52} {value:>8,.0f} calls/CPU-s  x{ratio:.2f}")


if __name__ == "__main__":
    main()
