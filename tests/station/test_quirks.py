"""What real firmware does besides the specification: each quirk has its effect, and is off."""

from __future__ import annotations

import pytest

from simulator.station import clock
from simulator.station.settings import Settings


def charge(bench, seconds=100.0):
    """One whole session at EVSE 1."""
    bench.do("plug_in", 1).do("present_token", 1, "T").go(seconds)
    return bench.do("present_token", 1, "T").go(1.0).do("unplug", 1).go(20.0)


# -- late statuses --


def test_a_late_status_tells_the_moment_of_the_change(make):
    both = bench, plain = [make(status_delay_s=s).boot().go(20.0) for s in (8.0, 0.0)]
    for each in both:
        each.forget()
        charge(each)
    assert bench.statuses(1) == plain.statuses(1)
    assert len(bench.statuses(1)) == 4
    times = [each.times("StatusNotification") for each in both]
    late = [a - b for a, b in zip(*times, strict=True)]
    assert late == pytest.approx([8.0] * 4, abs=0.2)
    stamps = [[p["timestamp"] for p in each.payloads("StatusNotification")] for each in both]
    for a, b in zip(*stamps, strict=True):
        assert clock.parse(a) == pytest.approx(clock.parse(b), abs=0.2)


def test_a_status_held_back_when_the_connection_goes_is_told_once_it_is_back(make):
    bench = make(status_delay_s=8.0).boot().go(20.0)
    bench.forget()
    bench.do("plug_in", 1).go(2.0)
    bench.drop()
    bench.go(60.0)
    assert bench.statuses(1) == ["Preparing"]
    assert bench.times("StatusNotification")[0] > 30.0


def test_what_was_told_before_the_connection_went_is_not_told_again(make):
    bench = make(status_delay_s=8.0).boot().go(20.0)
    bench.do("plug_in", 1).do("present_token", 1, "T").go(20.0)
    bench.forget()
    bench.drop()
    bench.go(60.0)
    assert bench.statuses() == []


# -- the connection --


def test_boot_notification_on_every_reconnect(make):
    bench = make(boot_on_reconnect=True).boot()
    bench.do("plug_in", 1).do("present_token", 1, "T").go(10.0)
    bench.forget()
    bench.drop()
    bench.go(65.0)
    assert bench.actions()[0] == "BootNotification"
    assert bench.statuses() == ["Available", "Charging"]
    assert bench.station.running(1), "the transaction goes on"
    assert bench.actions()[3:] == ["MeterValues"]


def test_1_6j_5_4_without_it_there_is_none(make):
    bench = make().boot()
    bench.drop()
    bench.go(60.0)
    assert "BootNotification" not in bench.actions()


# -- the meter and the clock --


@pytest.mark.parametrize("step", [10.0, 100.0, 1000.0])
def test_a_coarse_register_moves_in_steps_everywhere(make, step):
    bench = make(register_step_wh=step, configuration={"MeterValueSampleInterval": "60"}).boot()
    bench.meter.base[1] = 777.0
    charge(bench, 300.0)
    read = [bench.payloads("StartTransaction")[0]["meterStart"]]
    for frame in bench.payloads("MeterValues"):
        read += [float(v["value"]) for v in frame["meterValue"][0]["sampledValue"]]
    read.append(bench.payloads("StopTransaction")[0]["meterStop"])
    assert len(read) == 6
    assert all(value % step == 0 for value in read)
    assert read == sorted(read)
    drawn = 11_000.0 * 300.0 / 3600.0
    assert read[-1] - read[0] == pytest.approx(drawn, abs=step)


def test_a_clock_runs_off_until_a_heartbeat_sets_it(make):
    bench = make(clock_drift_ppm=1000.0, draws=0.1, latency=0.0).boot()
    rate = bench.station.drift.rate
    assert rate != 0.0
    errors = []
    for _ in range(3):
        bench.forget()
        bench.go(200.0).do("plug_in", 1).do("unplug", 1).go(1.0)
        told = bench.payloads("StatusNotification")[0]["timestamp"]
        meant = clock.parse("2026-06-01T06:00:00Z") + bench.times("StatusNotification")[0]
        errors.append(clock.parse(told) - meant)
        bench.go(300.0)
        assert bench.actions()[-1] == "Heartbeat"
    assert errors[0] == pytest.approx(200.0 * rate, rel=0.1)
    assert all(abs(error) < 510.0 * abs(rate) for error in errors), "it does not add up"


def test_readings_by_the_clock_fall_due_when_the_drifting_clock_shows_it(make):
    bench = make(
        clock_drift_ppm=2000.0, draws=0.1, configuration={"ClockAlignedDataInterval": "60"}
    ).boot()
    bench.go(600.0)
    stamps = [p["meterValue"][0]["timestamp"][17:] for p in bench.payloads("MeterValues")]
    assert len(stamps) >= 9
    assert set(stamps) <= {"00.000Z", "00.001Z", "59.999Z"}


# -- keys, heartbeats, states --


def test_unknown_keys_are_accepted_without_effect(make):
    bench = make(accepts_unknown_keys=True).boot()
    odd = {"key": "VendorMagic", "value": "1"}
    before = dict(bench.station.conf.values)
    assert bench.ask("ChangeConfiguration", odd)["status"] == "Accepted"
    assert bench.station.conf.values == before
    assert bench.ask("GetConfiguration", {"key": ["VendorMagic"]})["unknownKey"] == ["VendorMagic"]
    assert make().boot().ask("ChangeConfiguration", odd)["status"] == "NotSupported"


def test_a_fixed_heartbeat_does_not_care_for_other_messages(make):
    busy = {"configuration": {"MeterValueSampleInterval": "60"}}
    counts = []
    for fixed in (True, False):
        bench = make(fixed_heartbeat=fixed, **busy).boot()
        bench.do("plug_in", 1).do("present_token", 1, "T").go(3001.0)
        counts.append(bench.actions().count("Heartbeat"))
    assert counts == [10, 0]


def test_a_fixed_heartbeat_may_be_switched_off_and_on(make):
    bench = make(fixed_heartbeat=True).boot()
    off, on = ({"key": "HeartbeatInterval", "value": v} for v in ("0", "100"))
    bench.ask("ChangeConfiguration", off)
    bench.go(1000.0)
    assert bench.actions().count("Heartbeat") == 1, "the one that was under way"
    bench.ask("ChangeConfiguration", on)
    bench.forget()
    bench.go(1000.0)
    assert bench.actions().count("Heartbeat") in (9, 10)


def test_available_straight_after_the_stop(make):
    bench = charge(make(skips_finishing=True).boot())
    assert bench.statuses(1) == ["Preparing", "Charging", "Available"]
    plugged = make(skips_finishing=True).boot()
    plugged.do("plug_in", 1).do("present_token", 1, "T").go(10.0).do("present_token", 1, "T")
    assert plugged.go(1.0).statuses(1)[-1] == "Available"
    plugged.do("present_token", 1, "T").go(1.0)
    assert plugged.statuses(1)[-2:] == ["Preparing", "Charging"], "the same car may charge again"


def test_2_0_1_tells_of_no_finishing_so_that_nothing_changes(make):
    told = [charge(make(version="2.0.1", skips_finishing=q).boot()).statuses() for q in (1, 0)]
    assert told[0] == told[1]


@pytest.mark.parametrize("name", ["status_delay_s", "register_step_wh", "clock_drift_ppm"])
def test_a_negative_quirk_is_refused(name):
    with pytest.raises(ValueError, match=name):
        Settings("run", **{name: -1.0})
