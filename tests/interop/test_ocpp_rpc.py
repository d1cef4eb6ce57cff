"""Whole sessions with a CSMS of other people's code, which checks every frame of both directions.

The npm package ``ocpp-rpc`` in strict mode has its own copy of the schemas and its own RPC engine.
Our station boots, answers every command of its version, charges, loses its connection, is started
and stopped from afar and resets; not one frame may be called a violation, by either side.
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulator.station import v16, v201

pytestmark = [pytest.mark.interop, pytest.mark.socket, pytest.mark.process]

TABLES = {"1.6": v16.TABLE, "2.0.1": v201.TABLE}
COMMANDS = json.loads((Path(__file__).parent / "commands.json").read_text(encoding="utf-8"))
ALWAYS_SENT = {
    "1.6": {
        "Authorize",
        "BootNotification",
        "Heartbeat",
        "MeterValues",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    },
    "2.0.1": {
        "Authorize",
        "BootNotification",
        "Heartbeat",
        "MeterValues",
        "ReportChargingProfiles",
        "StatusNotification",
        "TransactionEvent",
    },
}


def filled(payload, transaction):
    """The payload with the present time, a later one and the transaction's id in their places."""
    now = datetime.now(UTC)
    values = {
        "$now": now.isoformat().replace("+00:00", "Z"),
        "$later": (now + timedelta(days=1)).isoformat().replace("+00:00", "Z"),
        "$transaction": transaction,
    }
    if isinstance(payload, dict):
        return {name: filled(value, transaction) for name, value in payload.items()}
    if isinstance(payload, list):
        return [filled(value, transaction) for value in payload]
    return values.get(payload, payload) if isinstance(payload, str) else payload


class Session:
    """A day of a station in quick motion, with every command at a moment when it makes sense."""

    def __init__(self, version):
        self.commands = COMMANDS[version]
        self.table = TABLES[version]
        self.answers = []

    async def ask_all(self, kind, csms, station):
        running = station.station.evses[1].tx
        known = None if running is None else running.id
        for action, payload in self.commands[kind]:
            answer, error = await csms.ask(station.id, action, filled(payload, known))
            self.answers.append((action, answer, error))
            await self.quiet(station)

    @staticmethod
    async def quiet(station):
        await station.until(lambda: station.station.pending == 0, "at rest")

    async def charging(self, station):
        running = station.station.running
        await station.until(lambda: running(1), "charging")
        await self.quiet(station)
        await station.until(lambda: station.station.evses[1].sample_step > 2, "sampled")

    async def __call__(self, csms, station):
        await station.until(lambda: station.log.boots, "booted")
        await self.quiet(station)
        await self.ask_all("idle", csms, station)
        station.do("plug_in", 1)
        station.do("present_token", 1, "TAG")
        await self.charging(station)
        await self.ask_all("charging", csms, station)
        station.do("ev_suspended", 1)
        station.do("present_token", 1, "TAG")
        await self.quiet(station)
        station.do("unplug", 1)
        await self.quiet(station)
        await self.outage(station)
        await self.ask_all("start", csms, station)
        station.do("plug_in", 1)
        await self.charging(station)
        await self.ask_all("stop", csms, station)
        assert not station.station.running(1)
        station.do("unplug", 1)
        await self.quiet(station)
        await self.ask_all("last", csms, station)
        await station.until(lambda: len(station.log.boots) > 1, "booted again")
        await self.quiet(station)

    async def outage(self, station):
        """A session that ends while the connection is gone is told of afterwards."""
        station.do("plug_in", 1)
        station.do("present_token", 1, "TAG")
        await self.charging(station)
        station.cut()
        await station.until(lambda: station.station.lost_at > 0.0, "offline")
        station.do("unplug", 1)
        assert station.station.pending
        await self.quiet(station)


@pytest.mark.parametrize("version", sorted(TABLES))
def test_a_csms_of_others_finds_no_fault_with_whole_sessions(meet, version):
    session = Session(version)
    station, report = meet(version, session)
    assert report["violations"] == [] and report["bad"] == []
    assert station.log.violations == []
    assert ALWAYS_SENT[version] <= set(report["seen"][station.id]) <= set(session.table.actions)
    for action, answer, error in session.answers:
        if action in session.table.requests:
            assert error is None and answer is not None, (action, error)
        else:
            assert action in session.table.unsupported and error == "NotSupported", action


@pytest.mark.parametrize("version", sorted(TABLES))
def test_every_command_that_the_station_serves_is_given(version):
    given = {action for kind in COMMANDS[version].values() for action, _ in kind}
    assert given >= set(TABLES[version].requests)
    assert given <= set(TABLES[version].requests) | set(TABLES[version].unsupported)


def test_a_violation_would_be_seen(meet):
    """The check can fail: a station that misspells a field is found out."""

    async def play(csms, station):
        await station.until(lambda: station.log.boots, "booted")
        await station._socket.send('[2,"x1","Heartbeat",{"surplus":1}]')
        await asyncio.sleep(0.05)
        await station._socket.send("no JSON at all")
        await csms.ask(station.id, "ClearCache", {})

    _, report = meet("1.6", play)
    assert [v["method"] for v in report["violations"]] == ["Heartbeat"]
    assert len(report["bad"]) == 1
