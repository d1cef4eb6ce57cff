"""The loaded scenario: times, changed copies, secrets, and what it costs to load."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import subprocess
import sys
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario import ScenarioError, load_scenario
from simulator.scenario.clock import localise, next_clock_s
from simulator.scenario.fields import Amount, read_amount
from simulator.scenario.problems import FieldError

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "UTC"])
LOCAL = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2037, 1, 1))


def test_fields_are_in_base_units_and_defaults_are_filled_in(write) -> None:
    scenario = load_scenario(write())
    assert (scenario.name, scenario.seed, scenario.duration_s) == ("test", 1, 86400.0)
    assert scenario.timezone == BERLIN
    assert scenario.start == dt.datetime(2026, 6, 1, tzinfo=BERLIN)
    site = scenario.file.sites[0]
    assert (site.grid_limit, site.control, site.policy) == (300.0, "local", "equal_share")
    assert (site.rotate, site.queue, site.count) == (900.0, True, 2)
    assert (scenario.file.live.speed, scenario.file.live.call_timeout) == (1.0, 30.0)
    assert scenario.file.record.interval == scenario.file.record.billing_interval == 900.0
    assert scenario.file.csms.versions == {"1.6": 1.0} and not scenario.file.csms.authorised
    ramp, hold = scenario.file.live.stages
    assert (ramp.for_, ramp.to) == (10.0, (Amount(None, 1.0),))
    assert (hold.for_, hold.to) == (60.0, None)


def test_without_stages_a_run_ramps_up_and_holds(write) -> None:
    stages = (
        'stages = [{ kind = "ramp", for = "10s", to = "100 %" }, { kind = "hold", for = "1m" }]'
    )
    ramp, hold = load_scenario(write((stages, ""))).file.live.stages
    assert (ramp.kind, hold.kind) == ("ramp", "hold") and ramp.to is not None


def test_as_dict_is_json_and_a_scenario_again(write, tmp_path: Path) -> None:
    scenario = load_scenario("city-launch")
    dumped = json.loads(json.dumps(scenario.as_dict()))
    assert dumped["sites"][0]["grid_limit"] == "43 kW"
    assert dumped["live"]["stages"][0] == {"kind": "ramp", "for": "20s", "to": "100 %"}
    assert dumped["slo"]["require"][0] == "p99(BootNotification.response) < 5 s"

    def toml(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(toml(item) for item in value) + "]"
        return json.dumps(value)

    text = "\n".join(f"{key} = {toml(value)}" for key, value in dumped.items())
    assert tomllib.loads(text) == dumped
    path = tmp_path / "again.toml"
    path.write_text(text)
    again = load_scenario(path)
    assert again.file == scenario.file
    assert again.as_dict() == scenario.as_dict()


def test_replace_changes_a_copy_and_checks_like_the_file(write) -> None:
    scenario = load_scenario(write())
    other = scenario.replace(seed=7, duration_s=60, csms_url="ws://127.0.0.1:9/", speed=2, name="n")
    assert (other.seed, other.duration_s, other.name) == (7, 60.0, "n")
    assert (other.file.csms.url, other.file.live.speed) == ("ws://127.0.0.1:9/", 2.0)
    assert (scenario.seed, scenario.file.csms.url) == (1, "embedded")
    assert other.start == scenario.start
    with pytest.raises(ScenarioError) as caught:
        scenario.replace(seed=-1, duration_s=0, csms_url="ws://csms.example/", speed=0)
    assert [problem.where for problem in caught.value.problems] == [
        "seed",
        "duration_s",
        "csms.url",
        "speed",
    ]
    assert scenario.replace() == scenario


def test_an_authorised_scenario_may_be_pointed_elsewhere(write) -> None:
    scenario = load_scenario(write(('"embedded"', '"embedded"\nauthorised = true')))
    assert scenario.replace(csms_url="ws://csms.example/").file.csms.url == "ws://csms.example/"


@pytest.mark.parametrize(
    ("start", "clock", "seconds"),
    [
        ("2026-06-01T00:00:00", "17:00", 17 * 3600),
        ("2026-06-01T00:00:00", "00:00", 0),
        ("2026-06-01T08:30:00", "08:30", 0),
        ("2026-06-01T08:30:00", "08:00", 23.5 * 3600),
        ("2026-03-29T00:00:00", "17:00", 16 * 3600),
        ("2026-10-25T00:00:00", "17:00", 18 * 3600),
    ],
)
def test_a_live_run_starts_when_clocks_show_its_time(
    start: str, clock: str, seconds: float, write
) -> None:
    path = write(("2026-06-01T00:00:00", start), ("[live]", f'[live]\nfrom = "{clock}"'))
    assert load_scenario(path).live_from_s == seconds


@given(LOCAL, ZONES)
def test_a_local_time_names_one_instant_or_is_refused(naive: dt.datetime, key: str) -> None:
    zone = ZoneInfo(key)
    instants = set()
    for hours in range(-2, 3):
        utc = naive.replace(tzinfo=zone).astimezone(dt.UTC) + dt.timedelta(minutes=30 * hours)
        if utc.astimezone(zone).replace(tzinfo=None, fold=0) == naive:
            instants.add(utc)
    try:
        instant = localise(naive, zone)
    except FieldError as error:
        assert len(instants) != 1
        assert error.suggestion is not None
        localise(dt.datetime.fromisoformat(error.suggestion), zone)
    else:
        assert instants == {instant.astimezone(dt.UTC)}


@given(LOCAL, ZONES, st.times())
def test_the_next_clock_time_is_within_a_day_and_an_hour(
    naive: dt.datetime, key: str, clock: dt.time
) -> None:
    start = naive.replace(tzinfo=ZoneInfo(key))
    seconds = next_clock_s(start, clock.strftime("%H:%M"))
    assert 0 <= seconds <= 26 * 3600


@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(0, 10**6))
def test_amounts_stay_within_the_fleet(count: int, ratio: float, total: int) -> None:
    assert Amount(count, None).of(total) == min(count, total)
    share = Amount(None, ratio).of(total)
    assert 0 <= share <= total
    assert abs(share - ratio * total) <= 0.5 + 1e-9 * total


def test_amounts_read_back_as_written() -> None:
    for text in ("0 %", "12.5 %", "100 %"):
        assert str(read_amount(text)) == text
    assert str(read_amount(7)) == "7"


PROFILE_1 = ('"embedded"', '"embedded"\nsecurity_profile = 1\npassword = { env = "CSW_TEST" }')


def test_a_password_from_the_environment_is_needed_only_when_it_is_asked_for(write) -> None:
    scenario = load_scenario(write(PROFILE_1))
    assert scenario.password({"CSW_TEST": "hunter2"}) == "hunter2"
    with pytest.raises(ScenarioError) as caught:
        scenario.password({})
    assert str(caught.value).endswith(
        "s.toml: csms.password.env: value 'CSW_TEST': expected an environment variable that is set"
    )
    assert load_scenario(write()).password({}) is None


def test_a_password_file_must_be_private(write, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    swap = ('"embedded"', '"embedded"\nsecurity_profile = 1\npassword = { file = "secret" }')
    scenario = load_scenario(write(swap))
    with pytest.raises(ScenarioError, match="expected a file that exists"):
        scenario.password()
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    with pytest.raises(ScenarioError, match=r"expected a file with mode 0600 \(chmod 600 secret\)"):
        scenario.password()
    secret.chmod(0o600)
    assert scenario.password() == "hunter2"
    assert "hunter2" not in repr(scenario.as_dict())
    secret.write_text("\n")
    with pytest.raises(ScenarioError, match="expected a file that is not empty"):
        scenario.password()


def test_keys_in_an_address_are_not_written_out(write) -> None:
    scenario = load_scenario(write(('"embedded"', '"ws://127.0.0.1/x?token=abc&a=1"')))
    assert scenario.as_dict()["csms"]["url"] == "ws://127.0.0.1/x?token=***&a=***"
    assert scenario.file.csms.url.endswith("token=abc&a=1")


def test_a_scenario_survives_the_way_between_processes() -> None:
    for name in ("city-launch", "workplace-trace"):
        scenario = load_scenario(name)
        back = pickle.loads(pickle.dumps(scenario))
        assert back.as_dict() == scenario.as_dict()
        assert back.start == scenario.start
        assert back.network() == scenario.network()


@pytest.mark.process
def test_loading_a_scenario_without_a_trace_imports_nothing_heavy() -> None:
    code = (
        "import sys; from simulator.scenario import load_scenario; load_scenario('city-launch');"
        "print(sorted({'numpy', 'pandas', 'numba', 'simpy', 'asyncio'} & set(sys.modules)))"
    )
    root = Path(sys.modules["simulator"].__file__ or "").parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == "[]"
