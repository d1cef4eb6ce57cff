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
import sys
import tempfile
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


def main() -> None:
    plain = CsmsOptions(port=0)
    rows = [
        ("MeterValues", plain, False),
        ("MeterValues, no schema checks", CsmsOptions(port=0, validate=False), False),
        ("MeterValues, --sqlite", "sqlite", False),
        ("MeterValues, --service-time 0ms", CsmsOptions(port=0, faults=Faults(0, "0ms")), False),
        ("StartTransaction, StopTransaction", plain, True),
        ("StartTransaction, StopTransaction, --sqlite", "sqlite", True),
    ]
    if "--plain" in sys.argv:
        rows = rows[:2]
    found: dict[str, list[float]] = {name: [] for name, *_ in rows}
    with tempfile.TemporaryDirectory() as folder:
        for i in range(ROUNDS):
            for name, options, transactions in rows:
                if options == "sqlite":
                    file = Path(folder) / f"{i}-{transactions}.sqlite"
                    options = CsmsOptions(port=0, sqlite=file)
                assert isinstance(options, CsmsOptions)
                found[name].append(measure(options, transactions))
    first = statistics.median(found[rows[0][0]])
    for name, values in found.items():
        value = statistics.median(values)
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        print(f"{name:<46} {value:>8,.0f} calls/CPU-s ({spread})  x{value / first:.2f}")


if __name__ == "__main__":
    main()
