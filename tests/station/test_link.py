"""Connecting, backing off, reconnecting, heartbeats (1.6J §5.4; 2.0.1 part 4 §5.3; 1.6 §4.6)."""

import pytest
from station_harness import SILENT

from simulator.station import clock
from simulator.station.effects import Connect

DAY = 86_400.0


def waits(bench):
    return [round(b - a, 6) for a, b in zip(bench.connects, bench.connects[1:], strict=False)]


def test_p4_5_3_back_off_is_the_minimum_doubled_up_to_the_repeats_plus_a_random_part(make):
    bench = make(draws=0.25, backoff_min_s=10.0, backoff_random_s=8.0, backoff_repeats=3)
    bench.reachable = False
    bench.start().go(1000.0)
    assert waits(bench)[:7] == [12.0, 22.0, 42.0, 82.0, 82.0, 82.0, 82.0]


def test_p4_5_3_the_random_part_differs_between_stations(make):
    first = []
    for draw in (0.0, 0.5, 0.999):
        bench = make(draws=draw, backoff_min_s=10.0, backoff_random_s=10.0)
        bench.reachable = False
        bench.start().go(100.0)
        first.append(waits(bench)[0])
    assert first == [10.0, 15.0, 19.99]


def test_back_off_starts_anew_once_the_csms_has_answered(make):
    bench = make(draws=0.0, backoff_min_s=10.0)
    bench.reachable = False
    bench.start().go(100.0)
    bench.reachable = True
    bench.go(100.0)
    dropped = bench.now
    bench.drop()
    bench.go(50.0)
    assert bench.connects[-1] == dropped + 10.0


def test_a_csms_that_takes_connections_and_says_nothing_is_backed_off_from(make):
    bench = make(draws=0.0, backoff_min_s=10.0, backoff_repeats=2)
    bench.csms.always["BootNotification"] = SILENT
    bench.start()
    for _ in range(5):
        bench.go(1.0)
        bench.drop()
        bench.run(bench.station.next_deadline)
    assert waits(bench) == [11.0, 21.0, 41.0, 41.0, 41.0]


def test_1_6j_3_2_refused_connections_never_end_the_attempts(make):
    bench = make()
    bench.reachable = False
    bench.start().go(100_000.0)
    assert len(bench.connects) > 1000


def test_1_6j_5_4_no_boot_notification_on_a_plain_reconnect(make):
    bench = make().boot()
    for _ in range(3):
        bench.drop()
        bench.go(40.0)
    assert "BootNotification" not in bench.actions()
    assert len(bench.log.boots) == 1 and len(bench.connects) == 4


def test_start_is_heard_once(make):
    bench = make()
    bench.start()
    bench.station.start(bench.now)
    assert not any(isinstance(effect, Connect) for effect in bench.station.take_effects())
    assert len(bench.connects) == 1


def test_news_of_a_connection_that_was_not_asked_for_changes_nothing(make):
    bench = make().boot()
    bench.do("connected")
    bench.drop()
    bench.station.disconnected(bench.now, "again")
    bench.do("connected").do("receive", b"[3]")
    assert bench.sent == []
    bench.go(40.0)
    assert len(bench.connects) == 2


# -- heartbeat ------------------------------------------------------------------------------------


def test_1_6_4_6_a_heartbeat_only_after_an_interval_without_any_frame(make):
    bench = make().boot()
    quiet_since = 0.1  # the last status of the boot
    bench.run(299.0)
    assert bench.actions() == []
    bench.run(301.0)
    assert bench.times("Heartbeat") == [pytest.approx(quiet_since + 300.0)]
    bench.go(200.0)
    bench.do("plug_in", 1)
    pushed = bench.now
    bench.do("unplug", 1).run(pushed + 299.0)
    assert len(bench.times("Heartbeat")) == 1
    bench.go(2.0)
    assert bench.times("Heartbeat")[1] == pytest.approx(pushed + 0.05 + 300.0)


def test_1_6_4_6_an_answer_is_a_frame_too(make):
    bench = make().boot()
    bench.run(290.0)
    bench.ask("ClearCache")
    bench.run(589.0)
    assert bench.actions() == []
    bench.run(591.0)
    assert bench.times("Heartbeat") == [590.0]


def test_1_6_4_6_meter_values_keep_heartbeats_away_but_for_one_a_day(make):
    bench = make(configuration={"MeterValueSampleInterval": "60"}).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG")
    bench.run(3 * DAY)
    beats = [due for action, due, _ in bench.log.planned if action == "Heartbeat"]
    accepted = bench.log.boots[0]
    assert beats == pytest.approx([accepted + DAY, accepted + 2 * DAY])


def test_1_6_4_6_a_meter_value_due_with_the_heartbeat_ends_the_silence_instead(make):
    bench = make(configuration={"MeterValueSampleInterval": "300"}).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG")
    bench.run(3600.0)
    assert len(bench.times("MeterValues")) >= 11
    assert bench.times("Heartbeat") == []


def test_the_daily_heartbeat_that_fell_into_an_outage_is_due_at_the_reconnect(make):
    bench = make(
        configuration={"MeterValueSampleInterval": "60"},
        backoff_min_s=7200.0,
        backoff_random_s=0.0,
    ).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").run(DAY - 3600.0)
    bench.drop()
    bench.go(7300.0)
    (due,) = [due for action, due, _ in bench.log.planned if action == "Heartbeat"]
    assert due == bench.connects[1] > DAY


def test_1_6_4_6_no_heartbeats_offline_and_none_from_the_past(make):
    bench = make(backoff_min_s=5000.0, backoff_random_s=0.0).boot()
    bench.drop()
    bench.run(6000.0)
    assert (
        bench.times("Heartbeat")
        == [pytest.approx(bench.connects[1] + 300.0 * k) for k in (1, 2, 3)][
            : len(bench.times("Heartbeat"))
        ]
    )
    assert all(due > bench.connects[1] for a, due, _ in bench.log.planned if a == "Heartbeat")


def test_1_6_4_6_the_clock_is_set_by_heartbeats(make):
    from station_harness import EPOCH

    bench = make().boot()
    bench.csms.always["Heartbeat"] = {"currentTime": clock.iso(EPOCH + 500_000.0)}
    bench.run(310.0)
    bench.do("plug_in", 1)
    stamp = clock.parse(bench.payloads("StatusNotification")[0]["timestamp"])
    assert stamp - EPOCH == pytest.approx(500_000.0, abs=15.0)


@pytest.mark.parametrize("answer", [{}, {"currentTime": "noon"}, {"currentTime": 5}])
def test_a_heartbeat_without_a_time_is_a_malformed_answer(make, answer):
    bench = make().boot()
    bench.csms.say("Heartbeat", answer)
    bench.run(310.0)
    ((kind, why),) = bench.log.violations
    assert kind == "malformed" and why.startswith("answer to Heartbeat: currentTime is ")


def test_an_interval_of_0_in_accepted_leaves_the_configured_one(make):
    bench = make(configuration={"HeartbeatInterval": "120"})
    bench.csms.interval = 0
    bench.boot()
    bench.run(125.0)
    assert len(bench.times("Heartbeat")) == 1
    bench.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "0"})
    bench.forget()
    bench.run(10_000.0)
    assert bench.times("Heartbeat") == []
