"""A wrong profile: the mistake is located in the profile's own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenario import ScenarioError, load_profile

DAY = ", ".join(["1"] * 24)
ARRIVAL = f"""\
source = "x"
weekday = [{DAY}]
weekend = [{DAY}]
day_of_week = [1, 1, 1, 1, 1, 1, 1]
energy_ln_kwh = [2, 1]
stay = {{ ln_hours = [1, 1] }}
"""
CAR = 'name = "a", battery_kwh = 50, ac_kw = 7, ac_phases = 1'
MIX = f'source = "x"\nvehicles = [{{ {CAR} }}]\n'
STATION = """\
source = "x"
vendor = "V"
model = "M"
current = "ac"
evses = 2
evse_kw = 22
measurands = ["Power.Active.Import"]
meter_interval = "1m"
"""


@pytest.mark.parametrize(
    ("kind", "old", "new", "message"),
    [
        ("arrivals", 'source = "x"\n', "", "source: expected this field"),
        (
            "arrivals",
            "weekday = [1, ",
            "weekday = [",
            "weekday: value [...]: expected at least 24 of them",
        ),
        (
            "arrivals",
            "weekday = [1, ",
            "weekday = [-1, ",
            "weekday[0]: value -1: expected a number of 0 or more",
        ),
        (
            "arrivals",
            "day_of_week = [1, 1, 1, 1, 1, 1, 1]\n",
            "",
            "day_of_week: expected day_of_week, or hour_of_week with 168 weights",
        ),
        (
            "arrivals",
            "[1, 1, 1, 1, 1, 1, 1]",
            "[0, 0, 0, 0, 0, 0, 0]",
            "hour_of_week: expected at least one hour above 0",
        ),
        (
            "arrivals",
            f"weekend = [{DAY}]",
            f"weekend = [{DAY.replace('1', '0')}]",
            "weekend: value [...]: expected at least one hour above 0",
        ),
        (
            "arrivals",
            "stay = { ln_hours = [1, 1] }\n",
            "",
            "stay: expected a stay, or leave_when_done = true",
        ),
        (
            "arrivals",
            "stay =",
            'linger = "1m"\nstay =',
            "linger: value '1m': expected linger only with leave_when_done = true",
        ),
        (
            "arrivals",
            "stay =",
            "leave_when_done = true\nstay =",
            "stay: value {...}: expected no stay where drivers leave when done",
        ),
        (
            "arrivals",
            "energy_ln_kwh = [2, 1]\n",
            "",
            "energy_ln_kwh: expected energy_ln_kwh, or both arrival_soc_beta and target_soc_beta",
        ),
        (
            "arrivals",
            "{ ln_hours = [1, 1] }",
            '{ mean_by_hour = { 24 = "1h" }, sigma_ln = 1 }',
            "stay.mean_by_hour.24: value '1h': expected an hour of arrival, 00 to 23, once",
        ),
        (
            "arrivals",
            "{ ln_hours = [1, 1] }",
            '{ mean_by_hour = { 8 = "1h" } }',
            "stay.sigma_ln: expected sigma_ln, or ln_hours",
        ),
        (
            "vehicles",
            CAR,
            CAR + ", share = 0.5",
            "vehicles: value [...]: expected shares that sum to 1, not 0.5",
        ),
        (
            "vehicles",
            CAR,
            CAR + ", share = -1",
            "vehicles.a.share: value -1: expected a number of 0 or more",
        ),
        (
            "vehicles",
            CAR,
            CAR + ", dc_kw = 50, curve = [[0, 50], [0.9, 9]]",
            "vehicles.a.curve: value [...]: expected knots from SoC 0 to SoC 1",
        ),
        (
            "vehicles",
            CAR,
            CAR + ", dc_kw = 50, curve = [[0, 60], [1, 9]]",
            "vehicles.a.curve[0]: value [...]: expected a power above 0 and at most dc_kw = 50, "
            "not 60",
        ),
        (
            "vehicles",
            CAR,
            CAR + ", dc_kw = 50, curve = [[0, 50], [0.5, 20], [0.5, 30], [1, 9]]",
            "vehicles.a.curve[2]: value [...]: expected an SoC above that of the knot before, not "
            "0.5",
        ),
        (
            "vehicles",
            f"{{ {CAR} }}",
            f"{{ {CAR} }}, {{ {CAR} }}",
            "vehicles[1].name: value 'a': expected a name of its own",
        ),
        ("stations", '"ac"', '"dc"', "min_kw: expected the least power of a DC station"),
        (
            "stations",
            "evses = 2",
            "evses = 2\nmin_kw = 1",
            "min_kw: value 1: expected nothing here: on AC it is 6 A",
        ),
        (
            "stations",
            "evses = 2",
            "evses = 2\nstation_kw = 50",
            "station_kw: value 50: expected between evse_kw and evse_kw times evses",
        ),
        ("stations", "evses = 2", "evses = 2\nphases = 2", "phases: value 2: expected 1 or 3"),
        (
            "stations",
            "evses = 2",
            "evses = 2\nefficiency = -0.9",
            "efficiency: value -0.9: expected a number above 0",
        ),
        (
            "stations",
            "evses = 2",
            "evses = 2\nefficiency = 1.1",
            "efficiency: value 1.1: expected a number of at most 1",
        ),
        (
            "stations",
            "evses = 2",
            "evses = 2\nstandby_w = -5",
            "standby_w: value -5: expected a number of 0 or more",
        ),
        (
            "stations",
            '"1m"',
            '"1500 ms"',
            "meter_interval: value '1500 ms': expected whole seconds, as OCPP 1.6 has them",
        ),
        ("stations", "Power.Active.Import", "Power.Active.Inport", None),
        (
            "stations",
            '"1m"\n',
            '"1m"\n[configuration]\nHeartbeatInterval = 3\n',
            "configuration.HeartbeatInterval: value 3: expected the field heartbeat instead",
        ),
    ],
)
def test_a_wrong_profile_is_located(
    kind: str, old: str, new: str, message: str | None, tmp_path: Path
) -> None:
    text = {"arrivals": ARRIVAL, "vehicles": MIX, "stations": STATION}[kind]
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(ScenarioError) as caught:
        load_profile(kind, "mine", tmp_path)
    lines = [str(problem) for problem in caught.value.problems]
    if message is None:
        assert caught.value.problems[0].suggestion == "Power.Active.Import"
        assert len(lines) == 1
    else:
        assert lines == [f"{tmp_path / 'mine.toml'}: {message}"]
