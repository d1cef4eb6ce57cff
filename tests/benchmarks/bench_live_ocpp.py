"""The comparison: the same work by a client on the ``ocpp`` package's own ``ChargePoint``.

One ``websockets`` connection, one ``ChargePoint`` and one task per station, as the package's
documentation shows it, on uvloop too. ``--no-validation`` leaves the package's schema checks out.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
from typing import Any

import uvloop
import websockets
from ocpp.v16 import ChargePoint, call

from simulator.live.health import cpu_s, raise_fd_limit, rss_kb, settle_memory

logging.getLogger("ocpp").setLevel(logging.WARNING)
METER_VALUE = [
    {
        "timestamp": "2026-06-01T12:00:00.000Z",
        "sampled_value": [
            {
                "value": value,
                "context": "Sample.Periodic",
                "measurand": measurand,
                "unit": unit,
            }
            for value, measurand, unit in (
                ("1234567", "Energy.Active.Import.Register", "Wh"),
                ("11000", "Power.Active.Import", "W"),
                ("16.0", "Current.Import", "A"),
            )
        ],
    }
]


async def station(port: int, number: int, validate: bool, state: dict[str, Any]) -> None:
    name = f"CSW-bench-{number:05d}"
    async with websockets.connect(
        f"ws://127.0.0.1:{port}/{name}",
        subprotocols=[websockets.Subprotocol("ocpp1.6")],
        compression=None,
        ping_interval=None,
    ) as connection:
        point = ChargePoint(name, connection)
        reader = asyncio.ensure_future(point.start())
        boot = call.BootNotification(charge_point_model="Bench", charge_point_vendor="Chargeswarm")
        await point.call(boot)
        state["up"] += 1
        try:
            await state["go"].wait()
            while True:
                await point.call(
                    call.MeterValues(connector_id=1, transaction_id=1, meter_value=METER_VALUE),
                    skip_schema_validation=not validate,
                )
                state["calls"] += 1
        finally:
            reader.cancel()


async def measure(
    port: int, stations: int, busy: bool, seconds: float, validate: bool
) -> dict[str, float]:
    state: dict[str, Any] = {"up": 0, "calls": 0, "go": asyncio.Event()}
    gc.collect()
    before = rss_kb()
    tasks = []
    for number in range(stations):
        tasks.append(asyncio.ensure_future(station(port, number, validate, state)))
        if number % 50 == 49:
            while state["up"] < number - 49:
                await asyncio.sleep(0.01)
    while state["up"] < stations:
        await asyncio.sleep(0.1)
    settle_memory()
    await asyncio.sleep(1.0)
    if busy:
        state["go"].set()
        await asyncio.sleep(2.0)
        begin, cpu = state["calls"], cpu_s()
        await asyncio.sleep(seconds)
        calls, used = state["calls"] - begin, cpu_s() - cpu
        result = {"calls": calls, "cpu_s": used, "calls_per_cpu_s": calls / used}
    else:
        result = {"kb_per_station": (rss_kb() - before) / stations}
    return result


if __name__ == "__main__":
    raise_fd_limit()
    mode, port, stations, seconds, *rest = sys.argv[1:]
    print(
        json.dumps(
            uvloop.Loop().run_until_complete(
                measure(int(port), int(stations), mode == "saturate", float(seconds), not rest)
            )
        ),
        flush=True,
    )
    os._exit(0)  # a thousand tasks are still busy; nobody waits for them
