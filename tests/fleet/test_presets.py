"""What a station model presets: refused where no station could have it, else honoured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from simulator import load_scenario
from simulator.fleet.liveplan import build_live_plan
from simulator.fleet.predict import predict_live, predict_network
from simulator.fleet.presets import mistakes
from simulator.fleet.setup import Conditions, in_force, settings_of
from simulator.scenario import ScenarioError
from simulator.scenario.preset_model import Monitor, VendorMessage
from simulator.scenario.profiles import load_profile, names

MODEL = """\
source = "test"
vendor = "Acme"
model = "One"
current = "ac"
evses = 2
evse_kw = 22.0
measurands = ["Energy.Active.Import.Register", "Power.Active.Import"]
meter_interval = "1m"
"""
SCENARIO = """\
[scenario]
name = "test"
start = 2026-06-01T00:00:00

[[sites]]
name = "yard"
stations = [{ model = "mine", version = "2.0.1" }]
arrivals = "public-ac"
visits_per_evse_day = 6.0
vehicles = "europe-2021"
"""
ENERGY = "Energy.Active.Import.Register"


@pytest.fixture
def load(tmp_path: Path):
    def make(more: str):
        (tmp_path / "mine.toml").write_text(MODEL + more)
        (tmp_path / "s.toml").write_text(SCENARIO)
        return load_scenario(tmp_path / "s.toml")

    return make


@pytest.fixture
def said(load, tmp_path: Path):
    def lines(more: str) -> list[str]:
        try:
            load(more)
        except ScenarioError as error:
            return [str(p).replace(f"{tmp_path}/", "") for p in error.problems]
        return []

    return lines


def monitor(**changes) -> Monitor:
    return Monitor(
        **{
            "component": "EVSE",
            "variable": "Power",
            "kind": "UpperThreshold",
            "value": 5000.0,
            "severity": 3,
            "evse": 1,
            "connector": 0,
            "instance": "",
            "transaction": False,
            "hardwired": True,
            **changes,
        }
    )


# -- reading ----------------------------------------------------------------------------------


def test_variables_are_read_with_and_without_quotes(load) -> None:
    scenario = load(
        '[variables]\n"SampledDataCtrlr.TxUpdatedInterval" = 30\n'
        "AuthCtrlr.LocalPreAuthorize = true\n"
        'OCPPCommCtrlr."MessageAttempts[TransactionEvent]" = 5\n'
        f'SampledDataCtrlr.TxEndedMeasurands = ["{ENERGY}", "Power.Active.Import"]\n'
    )
    conf = in_force(scenario.models["mine"], "2.0.1")
    assert (conf.sample_s, conf.local_online, conf.attempts) == (30.0, True, 5)
    assert conf.values["SampledDataCtrlr.TxEndedMeasurands"] == f"{ENERGY},Power.Active.Import"
    assert conf.values["SampledDataCtrlr.TxUpdatedInterval"] == "30"
    other = in_force(scenario.models["mine"], "1.6")
    assert (other.sample_s, other.local_online, other.attempts) == (60.0, False, 3)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            '[variables]\n"SampledDataCtrlr.TxUpdatedIntervall" = 30',
            'mine.toml: variables."SampledDataCtrlr.TxUpdatedIntervall": value 30: expected a'
            " variable of OCPP 2.0.1 that stations go by, as Component.Variable[Instance]; did you"
            " mean 'SampledDataCtrlr.TxUpdatedInterval'?",
        ),
        (
            "[variables]\nSampledDataCtrlr.TxUpdatedInterval = -1",
            "mine.toml: variables.SampledDataCtrlr.TxUpdatedInterval: value -1: expected a whole"
            " number from 0 to 2147483647",
        ),
        (
            '[variables]\nSampledDataCtrlr.TxUpdatedInterval = "30"',
            "mine.toml: variables.SampledDataCtrlr.TxUpdatedInterval: value '30': expected a whole"
            " number from 0 to 2147483647, without quotes",
        ),
        (
            "[variables]\nSampledDataCtrlr.TxUpdatedInterval = true",
            "mine.toml: variables.SampledDataCtrlr.TxUpdatedInterval: value true: expected a whole"
            " number from 0 to 2147483647",
        ),
        (
            '[variables]\nAuthCtrlr.Enabled = "true"',
            "mine.toml: variables.AuthCtrlr.Enabled: value 'true': expected true or false, without"
            " quotes",
        ),
        (
            "[variables]\nAuthCtrlr.Enabled = 1.5",
            "mine.toml: variables.AuthCtrlr.Enabled: value 1.5: expected true, false, a whole"
            " number, text, or a list of texts",
        ),
        (
            "[variables]\nTxCtrlr.TxStartPoint = []",
            "mine.toml: variables.TxCtrlr.TxStartPoint: value []: expected 1 or more of"
            " ParkingBayOccupancy, EVConnected, Authorized, PowerPathClosed, EnergyTransfer",
        ),
        (
            '[variables]\nSampledDataCtrlr.TxUpdatedMeasurands = ["SoC"]',
            "mine.toml: variables.SampledDataCtrlr.TxUpdatedMeasurands: value [...]: expected"
            " measurands out of Energy.Active.Import.Register, Power.Active.Import",
        ),
        (
            '[variables]\nSecurityCtrlr.BasicAuthPassword = "0123456789abcdef"',
            "mine.toml: variables.SecurityCtrlr.BasicAuthPassword: value '***': expected"
            " csms.password in the scenario instead",
        ),
        (
            'versions = ["1.6"]\n[variables]\nAuthCtrlr.Enabled = true',
            "mine.toml: variables: value {...}: expected nothing here: only OCPP 2.0.1 has"
            " variables",
        ),
        (
            "[configuration]\nConnectionTimeOt = 5",
            "mine.toml: configuration.ConnectionTimeOt: value 5: expected a configuration key of"
            " OCPP 1.6; did you mean 'ConnectionTimeOut'?",
        ),
        (
            "[configuration]\nConnectionTimeOut = true",
            "mine.toml: configuration.ConnectionTimeOut: value true: expected a whole number from 0"
            " to 2147483647",
        ),
        (
            '[configuration]\n"TxCtrlr.EVConnectionTimeOut" = 5',
            'mine.toml: configuration."TxCtrlr.EVConnectionTimeOut": value 5: expected a'
            " configuration key of OCPP 1.6 (variables of 2.0.1 stand under [variables])",
        ),
        (
            "[configuration]\nSecurityProfile = 2",
            "mine.toml: configuration.SecurityProfile: value 2: expected csms.security_profile in"
            " the scenario instead",
        ),
        (
            '[[vendor_messages]]\nvendor = "org.acme"\ndata = 2026-06-01',
            "mine.toml: vendor_messages[0].data: value 2026-06-01: expected what"
            " JSON can hold: no times, no infinite numbers",
        ),
        (
            '[[vendor_messages]]\nvendor = "org.acme"\n[[vendor_messages]]\nvendor = "Org.Acme"',
            "mine.toml: vendor_messages[1].message: expected each message of a vendor once",
        ),
    ],
)
def test_what_no_station_could_have_is_refused_by_name(said, more: str, line: str) -> None:
    lines = said(more)
    assert len(lines) == 1 and lines[0].startswith(line), lines


ROW = 'component = "EVSE"\nvariable = "Power"\nkind = "UpperThreshold"\nvalue = 5000.0\nevse = 2\n'


@pytest.mark.parametrize(
    ("swap", "where"),
    [
        (("evse = 2", "evse = 3"), "[0].component: value 'EVSE': expected an EVSE of the station"),
        (("EVSE", "EVES"), "[0].component: value 'EVES': expected a component that such a station"),
        (('"Power"', '"Powre"'), "[0].variable: value 'Powre': expected a variable of EVSE: A"),
        (("5000.0", "-5.0"), "[0].value: value -5.0: expected a threshold from 0 to 22000"),
        (('"Power"', '"SupplyPhases"'), "[0].variable: value 'SupplyPhases': expected a variable"),
        (
            ('"Power"', '"AvailabilityState"'),
            "[0].kind: value 'UpperThreshold': expected Delta, Periodic or PeriodicClockAligned",
        ),
        (
            ('"UpperThreshold"\nvalue = 5000.0', '"Periodic"\nvalue = 0.5'),
            "[0].value: value 0.5: expected an interval of 1 s or more",
        ),
        (('"UpperThreshold"', '"Upper"'), "[0].kind: value 'Upper': expected a kind of monitor"),
        (("evse = 2", "evse = 2\nseverity = 10"), "[0].severity: value 10: expected a number of"),
    ],
)
def test_a_monitor_that_cannot_be_is_refused_by_name(said, swap, where: str) -> None:
    assert said(f"[[monitors]]\n{ROW}") == []
    lines = said(f"[[monitors]]\n{ROW.replace(*swap)}")
    assert len(lines) == 1 and lines[0].startswith(f"mine.toml: monitors{where}"), lines
    twice = said(f"[[monitors]]\n{ROW}[[monitors]]\n{ROW}")
    assert len(twice) == 1 and "there is such a monitor already" in twice[0]


@pytest.mark.parametrize("name", names("stations"))
def test_shipped_models_preset_nothing_that_their_stations_cannot_have(name: str) -> None:
    model = load_profile("stations", name)
    assert list(mistakes(model)) == []
    for version in model.versions:
        assert in_force(model, version).values


# -- honouring --------------------------------------------------------------------------------


@pytest.fixture
def play(kit, scenario):
    """Play one session at a station of 2.0.1 (or another version)."""

    def make(kind, version="2.0.1", asks=(), beat=3600):
        site = kit.site("yard", [kind], versions=(version,))
        network, engine = kit.made_up([(site, [kit.Stay(0, 100.0, 700.0)])], 1000.0)
        how = {"from_s": 0.0, "speed": 1.0, "run_s": 900.0, "connect_due": np.array([0.0])}
        plan = build_live_plan(scenario, network, engine, **how)
        drive = kit.Drive(plan, kit.Csms(heartbeat=beat))
        for number, (when, action, payload) in enumerate(asks):
            frame = json.dumps([2, f"x{number}", action, payload]).encode()
            drive.at(when, "receive", 0, frame)
        drive.run(drain=0.0)
        notes = predict_live(scenario, [plan], heartbeat_s=beat).notes
        return drive, notes, predict_network(engine, scenario, network)

    return make


def sent(drive, action):
    return [payload for _, _, name, payload in drive.csms.frames if name == action]


def test_a_preset_interval_and_measurand_are_what_a_station_of_2_0_1_sends(kit, play) -> None:
    kind = kit.model(
        variables={
            "SampledDataCtrlr.TxUpdatedInterval": 200,
            "SampledDataCtrlr.TxUpdatedMeasurands": ("Power.Active.Import",),
        }
    )
    drive, _, simulated = play(kind)
    samples = [
        e for e in sent(drive, "TransactionEvent") if e["triggerReason"] == "MeterValuePeriodic"
    ]
    assert len(samples) == 2  # at 300 and 500 s; at 700 s the transaction ends
    values = [value for e in samples for value in e["meterValue"][0]["sampledValue"]]
    assert {value["measurand"] for value in values} == {"Power.Active.Import"}
    fields = play(kit.model(meter_interval=200.0))[2]
    assert simulated.totals() == fields.totals()
    old, _, _ = play(kind, "1.6")
    assert len(sent(old, "MeterValues")) == 9  # the field's 60 s


def test_monitors_of_a_model_tell_what_they_notice_and_are_not_predicted(kit, play) -> None:
    drive, notes, _ = play(kit.model(monitors=(monitor(),)))
    told = [event for payload in sent(drive, "NotifyEvent") for event in payload["eventData"]]
    assert {event["eventNotificationType"] for event in told} == {"HardWiredMonitor"}
    assert told[0]["variable"] == {"name": "Power"}
    assert notes == ("monitors are not taken into account: more NotifyEvent of ac-1",)
    silent, none, _ = play(kit.model(monitors=(monitor(),)), "1.6")
    assert not sent(silent, "NotifyEvent") and none == ()


def test_vendors_of_a_model_are_known_to_its_stations(kit) -> None:
    kind = kit.model(
        vendor_messages=(
            VendorMessage("org.acme", "Ping", {"pong": [1, True]}),
            VendorMessage("org.acme", "", None),
        )
    )
    for version in ("1.6", "2.0.1"):
        vendors = settings_of(kind, version, 1.0, Conditions("x")).vendors
        assert vendors == {"org.acme": {"Ping": {"pong": [1, True]}, "": None}}


def test_what_the_run_says_of_heartbeats_comes_before_what_a_model_says(kit) -> None:
    kind = kit.model(heartbeat=500.0, variables={"OCPPCommCtrlr.HeartbeatInterval": 70})
    assert in_force(kind, "2.0.1").heartbeat_s == 70.0
    assert in_force(kind, "1.6").heartbeat_s == 500.0
    assert in_force(kind, "2.0.1", heartbeat_s=20.0).heartbeat_s == 20.0


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"TxCtrlr.TxStopPoint": ("EnergyTransfer",)}, "EnergyTransfer"),
        ({"AuthCtrlr.LocalPreAuthorize": True}, "LocalPreAuthorize"),
        ({"AuthCtrlr.Enabled": False}, None),
        ({"AuthCtrlr.DisableRemoteAuthorization": True}, "DisableRemoteAuthorization"),
        (
            {"AlignedDataCtrlr.SendDuringIdle": True, "AlignedDataCtrlr.Interval": 60},
            "SendDuringIdle",
        ),
        ({"AuthCtrlr.LocalAuthorizeOffline": False}, None),
    ],
)
def test_a_preset_that_moves_the_counts_is_named(kit, play, variables, word) -> None:
    _, notes, simulated = play(kit.model(variables=variables))
    assert notes == simulated.notes and len(notes) == (word is not None)
    assert word is None or word in notes[0]
