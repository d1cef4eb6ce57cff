"""Appointments: kept in order, once, whatever happens meanwhile."""

from math import inf

from simulator.station import timers


def test_an_idle_station_has_no_appointments(make):
    bench = make().boot()
    assert bench.station.timers is None and bench.station.timer_due == inf


def test_appointments_are_kept_in_order_and_may_make_others(make):
    bench = make().boot()
    kept = []

    def act(name, again=None):
        def note(st, now, due):
            kept.append((name, due))
            if again is not None:
                timers.at(st, due + again, act(name + "'"))

        return note

    start = bench.now
    for name, wait in (("b", 20.0), ("a", 10.0), ("c", 20.0)):
        timers.at(bench.station, start + wait, act(name, 5.0 if name == "a" else None))
    bench.go(60.0)
    wanted = [("a", 10.0), ("a'", 15.0), ("b", 20.0), ("c", 20.0)]
    assert kept == [(name, start + wait) for name, wait in wanted]
    assert bench.station.timers is None and bench.station.timer_due == inf


def test_an_appointment_is_kept_offline(make):
    bench = make().boot()
    kept = []
    timers.at(bench.station, bench.now + 5.0, lambda st, now, due: kept.append(now))
    bench.reachable = False
    bench.drop()
    at = bench.now + 5.0
    bench.go(10.0)
    assert kept == [at]
