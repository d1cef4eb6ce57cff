"""What storms do to the target: commands in a version's words, hooks, and what is allowed."""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files

import numpy as np
import psutil
import pytest
from jsonschema import Draft6Validator

from simulator.csms import CsmsOptions
from simulator.csms.process import EmbeddedCsms
from simulator.fleet.spells import once
from simulator.fleet.storms import Stations, Storm, together
from simulator.live.aftermath import _as_it_was, _readings, failed
from simulator.live.errors import RefusedError
from simulator.live.hooks import Deed, TargetSide, check_hooks, command, equipped, source
from simulator.live.weather import Weather
from simulator.scenario.storm_model import Storm as Wish

pytestmark = pytest.mark.socket


def wish(kind: str, **more) -> Wish:
    return Wish.model_construct(
        kind=kind,
        at=0.01,
        **{"for_": None, "reset": "soft", "hook": None, "limit": None, **more},
        firmware="http://firmware.invalid/next.bin",
    )


def weather(*storms: Storm) -> Weather:
    stations = Stations(["A", "B"], ["yard", "yard"], once(np.zeros(2)))
    hits = tuple(np.array([0, 1], np.int32) for _ in storms)
    return Weather(storms, together([]), hits, stations)


@pytest.mark.parametrize("kind", ["mass_reset", "firmware_campaign", "profile_broadcast"])
@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_commands_fit_the_schemas_of_their_version(kind, version, reset) -> None:
    asked = wish(kind, reset=reset, limit=7.0)
    action, payload = command(asked, version, datetime(2026, 6, 1, tzinfo=UTC))
    package, name = ("ocpp.v16", action) if version == "1.6" else ("ocpp.v201", f"{action}Request")
    path = files(package) / "schemas" / f"{name}.json"
    Draft6Validator(json.loads(path.read_text("utf-8-sig"))).validate(payload)


def test_a_limit_is_told_in_watts() -> None:
    _, payload = command(wish("profile_broadcast", limit=7.4), "1.6", datetime.now(UTC))
    schedule = payload["csChargingProfiles"]["chargingSchedule"]
    assert schedule["chargingRateUnit"] == "W"
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 7400.0}]


def hook(**fields):
    from simulator.scenario.storm_model import Hook

    return Hook.model_construct(
        **{"method": "POST", "url": None, "body": "", "command": None, **fields}
    )


def test_a_command_of_this_machine_must_be_allowed() -> None:
    wishes = [wish("csms_restart"), wish("csms_restart", hook=hook(command="true"))]
    with pytest.raises(RefusedError, match=r"live.storms\[1\].hook.command.*--allow-hooks"):
        check_hooks(wishes, allowed=False)
    check_hooks(wishes, allowed=True)


def test_the_embedded_csms_gets_what_its_storms_need(tmp_path) -> None:
    restart = Storm(0, "csms_restart", 1.0, 1.0)
    assert equipped(CsmsOptions(), [restart], tmp_path).sqlite == tmp_path / "csms.sqlite"
    own = CsmsOptions(sqlite=tmp_path / "own")
    assert equipped(own, [restart], tmp_path).sqlite == tmp_path / "own"
    assert equipped(CsmsOptions(), [Storm(0, "mass_reset", 1.0)], tmp_path).http == 0
    cut = Storm(0, "power_cut", 1.0, 1.0, ours=True)
    options = equipped(CsmsOptions(), [cut], tmp_path)
    assert options.http is None and options.sqlite == tmp_path / "csms.sqlite"
    quarter = Storm(0, "quarter_hour", 1.0, 1.0, ours=True)
    assert equipped(CsmsOptions(), [quarter], tmp_path) == CsmsOptions()


def test_who_brings_a_storm_about() -> None:
    assert source(Storm(0, "csms_restart", 1.0, ours=True), wish("csms_restart")) == "emulated"
    assert source(Storm(0, "power_cut", 1.0, ours=True), wish("power_cut")) == "stations"
    assert source(Storm(0, "csms_restart", 1.0), wish("csms_restart")) == "embedded"
    asked = wish("csms_restart", hook=hook(command="true"))
    assert source(Storm(0, "csms_restart", 1.0), asked) == "hook"


@pytest.fixture
def api():
    """An HTTP server that notes what it is asked; paths that begin with /no fail."""
    seen: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((self.command, self.path, body))
            if self.path.startswith("/crash"):
                self.close_connection = True
                return
            self.send_response(500 if self.path.startswith("/no") else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.seen = seen  # type: ignore[attr-defined]
    server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def done(asked: Wish):
    began = time.perf_counter()
    side = TargetSide(
        weather(Storm(0, "csms_restart", 0.01, 0.01)),
        [asked],
        {"A": "1.6", "B": "1.6"},
        None,
        lambda: time.perf_counter() - began,
    )
    side.start()
    side.start()
    for thread in side._threads:
        thread.join(20)
    side.stop()
    return side.deeds[0]


def test_a_hook_is_called_once_at_its_time(api) -> None:
    asked = hook(url=f"{api.url}/faults", method="PUT", body='{"crash": true}')
    deed = done(wish("csms_restart", hook=asked))
    assert deed.ok and deed.at_s >= 0.01
    assert api.seen == [("PUT", "/faults", b'{"crash": true}')]


def test_a_target_that_crashes_before_it_answers_has_done_as_it_was_told(api) -> None:
    deed = done(wish("csms_restart", hook=hook(url=f"{api.url}/crash")))
    assert deed.ok and "without an answer" in deed.detail


def test_a_hook_that_is_refused_or_that_nobody_hears_has_failed(api, closed_port) -> None:
    assert not done(wish("csms_restart", hook=hook(url=f"{api.url}/no"))).ok
    assert not done(wish("csms_restart", hook=hook(url=f"http://127.0.0.1:{closed_port}/"))).ok


def test_a_command_succeeds_or_fails_by_its_exit_code() -> None:
    good = done(wish("csms_restart", hook=hook(command=f"{sys.executable} -c 'print(42)'")))
    assert good.ok and good.detail.endswith(": 42")
    bad = done(wish("csms_restart", hook=hook(command=f"{sys.executable} -c 'exit(3)'")))
    assert not bad.ok and "exit code 3" in bad.detail
    assert not done(wish("csms_restart", hook=hook(command="/no/such/program"))).ok


def test_a_run_that_is_over_begins_nothing_more() -> None:
    side = TargetSide(
        weather(Storm(0, "csms_restart", 100.0, 1.0)),
        [wish("csms_restart", hook=hook(command="true"))],
        {},
        None,
        lambda: 0.0,
    )
    side.start()
    side.stop()
    assert side.deeds == {}


def test_the_screen_is_told_each_news_of_a_storm_once() -> None:
    now = [5.0]
    side = TargetSide(
        weather(Storm(0, "power_cut", 4.0, 4.0, ours=True)), [wish("x")], {}, None, lambda: now[0]
    )
    shard = {"number": 0, "hit": 50, "present": 50, "operating": 0}
    assert side.said([{"storm": None}, {}]) == []
    assert side.said([{"storm": shard}] * 2) == [
        "5 s: storm power_cut: hits 100 stations, 100 in operation"
    ]
    assert side.said([{"storm": shard}] * 2) == []
    now[0] = 9.0
    assert side.said([{"storm": shard | {"operating": 48}}] * 2) == [
        "9 s: storm power_cut: over; 96 in operation",
        "9 s: storm power_cut: 95% in operation again",
    ]


def test_commands_to_more_stations_than_one_process_holds_are_refused(tmp_path) -> None:
    with pytest.raises(RefusedError, match="mass_reset: the embedded CSMS takes commands in one"):
        equipped(CsmsOptions(workers=2), [Storm(0, "mass_reset", 1.0)], tmp_path)
    restart = Storm(0, "csms_restart", 1.0)
    assert equipped(CsmsOptions(workers=2), [restart], tmp_path).workers == 2


def test_recovery_counts_from_when_the_csms_really_listened_again() -> None:
    storm = Storm(0, "csms_restart", 60.0, 10.0, 30.0)
    late = _as_it_was(storm, "embedded", Deed(60.1, 12.5, True, ""))
    assert late.back_s == pytest.approx(72.6) and late.end_s == storm.end_s
    assert _as_it_was(storm, "embedded", Deed(60.0, 9.9, True, "")) == storm
    for how, deed in (("embedded", None), ("embedded", Deed(60.0, 50.0, False, ""))):
        assert _as_it_was(storm, how, deed) == storm
    assert _as_it_was(storm, "hook", Deed(60.0, 50.0, True, "")) == storm


@pytest.mark.process
def test_a_kill_takes_every_worker_at_once(tmp_path) -> None:
    options = CsmsOptions(port=0, fast=True, workers=2, sqlite=tmp_path / "csms.sqlite")
    csms = EmbeddedCsms(options)
    csms.start()
    children = psutil.Process(csms.pid).children()
    assert len(children) >= 2
    csms.kill()
    assert psutil.wait_procs(children, 5.0)[1] == []
    csms.restart()
    csms.stop()
    assert csms.holdings is not None


@pytest.mark.parametrize(
    ("at_s", "for_s", "count"),
    [(50.0, 100.0, 1), (50.0, 45.0, 0), (101.0, 700.0, 0), (1.0, 999, 1)],
)
def test_a_quarter_hour_that_does_not_strike_did_not_take_place(at_s, for_s, count) -> None:
    storm = Storm(0, "quarter_hour", at_s, for_s, ours=True)
    assert _readings(storm, 900.0 * 1_900_000 - 100.0) == count
    row = {"number": 0, "kind": "quarter_hour", "source": "stations", "deed": None}
    found = failed([row | {"readings": count}])
    assert [rule.ok for rule in found] == ([] if count else [False])
    assert _readings(Storm(0, "power_cut", at_s, for_s), 0.0) is None
