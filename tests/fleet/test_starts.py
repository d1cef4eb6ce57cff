"""How drivers start: by card, app, button or contract; what each tells, and that it is foreseen.

The rehearsal puts an app's command to the station itself; a live run calls the CSMS's API for it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulator.demand.visits import Manner, Means
from simulator.fleet.contracts import Mobility
from simulator.fleet.keys import X509Keys
from simulator.fleet.liveplan import build_live_plan
from simulator.fleet.predict import predict_network

_spec = importlib.util.spec_from_file_location("join", Path(__file__).with_name("test_join.py"))
assert _spec is not None and _spec.loader is not None
join = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(join)

HOW = {"from_s": 0.0, "speed": 1.0, "run_s": 900.0, "connect_due": np.array([0.0])}
MIXED = st.sampled_from(list(Means))


def play(kit, scenario, version, means, *, csms=None, kind=None, manner=0, **run):
    """One session from 100 s to 400 s at a station of its own."""
    kind = kind or kit.model(meter_interval=60.0)
    stay = kit.Stay(0, 100.0, 400.0, 300.0, manner=manner, means=means)
    network, engine = kit.made_up([(kit.site("yard", [kind], versions=(version,)), [stay])], 1e3)
    plan = build_live_plan(scenario, network, engine, **HOW)
    drive = kit.Drive(plan, csms or kit.Csms(heartbeat=3600)).run(drain=0.0)
    return plan, drive


def spoken(drive, *actions):
    return [payload for _, _, action, payload in drive.csms.frames if action in actions]


# -- what each of them says -----------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("means", list(Means))
def test_every_way_to_start_makes_one_transaction_as_foreseen(kit, scenario, version, means):
    plan, drive = play(kit, scenario, version, means)
    prediction = join.check(kit, scenario, plan, drive, 3600, exact_samples=True)
    assert drive.deviations.counts == {}
    assert len(drive.watch.begun) == 1 and prediction.begun == {plan.ids[0]: 1}
    asked = means == Means.CARD or means == Means.CONTRACT
    assert prediction.totals().get("Authorize", 0) == asked
    (stopped,) = drive.watch.rows(str, 0.0)
    assert stopped["meter_stop_wh"] > stopped["meter_start_wh"]


def test_a_free_start_of_1_6_has_the_stations_own_id_tag(kit, scenario):
    plan, drive = play(kit, scenario, "1.6", Means.BUTTON)
    own = plan.serials[0][-20:]
    assert [p["idTag"] for p in spoken(drive, "StartTransaction", "StopTransaction")] == [own] * 2


def test_a_free_start_of_2_0_1_has_the_empty_token(kit, scenario):
    _, drive = play(kit, scenario, "2.0.1", Means.BUTTON)
    tokens = [p["idToken"] for p in spoken(drive, "TransactionEvent") if "idToken" in p]
    assert tokens == [{"idToken": "", "type": "NoAuthorization"}] * 2


def test_a_contract_is_told_by_emaid_and_true_hashes(kit, scenario):
    plan, drive = play(kit, scenario, "2.0.1", Means.CONTRACT)
    (asked,) = spoken(drive, "Authorize")
    emaid = next(plan.plans()).token(0)
    assert asked["idToken"] == {"idToken": emaid, "type": "eMAID"} and len(emaid) == 14
    mobility, keys = Mobility(plan.tokens.seed), X509Keys()
    chain = [*mobility.contract(emaid).chain, mobility.root]
    for told, one, issuer in zip(
        asked["iso15118CertificateHashData"], chain[:-1], chain[1:], strict=True
    ):
        assert keys.signed(one, issuer)
        assert (told["issuerNameHash"], told["issuerKeyHash"]) == keys.hashes(one, issuer, "SHA256")
        assert told["serialNumber"] == one.serial
    (ended,) = [p for p in spoken(drive, "TransactionEvent") if p["eventType"] == "Ended"]
    assert ended["triggerReason"] == "EVCommunicationLost"


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_an_app_has_the_csms_start_and_the_plug_stops(kit, scenario, version):
    _, drive = play(kit, scenario, version, Means.APP)
    ((at, _, ask),) = drive.asks
    assert (at, ask.evse, ask.number, ask.due) == (100.0, 1, 1, 100.0)
    assert [(begun.evse, begun.number) for _, _, begun in drive.begun] == [(1, 1)]
    if version == "1.6":
        (begun,), (ended,) = spoken(drive, "StartTransaction"), spoken(drive, "StopTransaction")
        assert begun["idTag"] == ask.token and ended["reason"] == "EVDisconnected"
    else:
        begun, *_, ended = spoken(drive, "TransactionEvent")
        assert begun["idToken"] == {"idToken": ask.token, "type": "Central"}
        assert begun["triggerReason"] == "RemoteStart"
        assert begun["transactionInfo"]["remoteStartId"] == 1
        assert ended["triggerReason"] == "EVCommunicationLost"


def test_a_station_of_1_6_that_is_to_asks_about_the_apps_token(kit, scenario):
    kind = kit.model(configuration={"AuthorizeRemoteTxRequests": "true"})
    plan, drive = play(kit, scenario, "1.6", Means.APP, kind=kind)
    join.check(kit, scenario, plan, drive, 3600)
    assert [p["idTag"] for p in spoken(drive, "Authorize")] == [drive.asks[0][2].token]


def test_where_the_plug_ends_nothing_an_apps_charge_is_ended_at_the_station(kit, scenario):
    kind = kit.model(configuration={"StopTransactionOnEVSideDisconnect": "false"})
    plan, drive = play(kit, scenario, "1.6", Means.APP, kind=kind)
    join.check(kit, scenario, plan, drive, 3600)
    (ended,) = spoken(drive, "StopTransaction")
    assert ended["idTag"] == drive.asks[0][2].token


def test_an_app_whose_wish_comes_to_nothing_leaves_without_a_charge(kit, scenario):
    csms = kit.Csms(heartbeat=3600)
    csms.deaf = True
    _, drive = play(kit, scenario, "1.6", Means.APP, csms=csms)
    assert drive.deviations.counts == {"not_started": 1}
    assert drive.begun == [] and drive.csms.statuses(0, 1)[-1] == "Available"


@pytest.mark.parametrize(
    ("version", "preset"),
    [
        ("1.6", {"configuration": {"FreeVendActive": "true"}}),
        ("2.0.1", {"variables": {"AuthCtrlr.Enabled": False}}),
    ],
    ids=["1.6", "2.0.1"],
)
@pytest.mark.parametrize("manner", list(Manner))
@pytest.mark.parametrize("means", list(Means))
def test_where_nobody_is_authorised_everybody_starts_freely(
    kit, scenario, version, preset, manner, means
):
    kind = kit.model(**preset)
    plan, drive = play(kit, scenario, version, means, kind=kind, manner=manner)
    join.check(kit, scenario, plan, drive, 3600, exact_samples=True)
    assert len(drive.watch.begun) == 1 and "Authorize" not in drive.csms.actions(0)
    assert drive.deviations.counts == {}


# -- where transactions begin and end ------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("manner", [Manner.PLAIN, Manner.PULLS])
@pytest.mark.parametrize("preset", join.PRESETS, ids=str)
def test_every_way_to_start_is_counted_wherever_transactions_begin_and_end(
    kit, scenario, version, manner, preset
):
    kind = kit.model(meter_interval=60.0, **preset)
    stays = [kit.Stay(k, 100.0, 400.0, 300.0, manner=manner, means=m) for k, m in enumerate(Means)]
    site = kit.site("yard", [kind] * len(Means), versions=(version,))
    network, engine = kit.made_up([(site, stays)], 1e3)
    how = {**HOW, "connect_due": np.zeros(len(Means))}
    plan = build_live_plan(scenario, network, engine, **how)
    drive = kit.Drive(plan, kit.Csms(heartbeat=3600)).run(drain=0.0)
    prediction = join.check(kit, scenario, plan, drive, 3600, exact_samples=True)
    assert drive.deviations.counts == {}
    assert list(prediction.begun.values()) == [1] * len(Means)


# -- predicted = rehearsed ------------------------------------------------------------------------


@st.composite
def mixed(draw, kit, versions, **more):
    """A made-up world in which every session has its means."""
    sites, *rest = draw(join.worlds(kit, versions, **more))
    for _, stays in sites:
        for stay in stays:
            stay.means = int(draw(MIXED))
    return (sites, *rest)


@pytest.mark.parametrize("versions", join.VERSIONS, ids="+".join)
@join.RELAXED
@given(st.data())
def test_any_mix_of_means_is_foreseen(kit, scenario, versions, data):
    world = data.draw(mixed(kit, versions))
    network, engine, _, how = join.plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    beat = data.draw(st.sampled_from([20, 60, 300]))
    drive = kit.Drive(plan, kit.Csms(heartbeat=beat)).run()
    join.check(kit, scenario, plan, drive, beat, exact_samples=True)
    assert drive.deviations.counts == {}
    apps = int(np.count_nonzero(plan.stays.means == Means.APP)) if len(plan.stays) else 0
    assert len(drive.asks) <= apps and len(drive.begun) == len(drive.asks)


@join.RELAXED
@given(st.data())
def test_any_mix_is_foreseen_with_other_manners_on_a_slow_csms(kit, scenario, data):
    world = data.draw(mixed(kit, ("1.6",), manners=list(Manner)))
    network, engine, _, how = join.plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    assume(not join.cut_by_the_end(plan, 0.3))
    csms = kit.Csms(0.05, heartbeat=60)
    drive = kit.Drive(plan, csms, connects=0.1, late=lambda _: 0.003).run(drain=0.0)
    join.check(kit, scenario, plan, drive, 60)
    assert drive.deviations.counts == {}


def test_a_simulation_counts_as_the_live_plan_does(kit, scenario):
    means = list(Means)
    stays = [kit.Stay(0, 100.0 + 200 * k, 250.0 + 200 * k, means=m) for k, m in enumerate(means)]
    for version in ("1.6", "2.0.1"):
        site = kit.site("yard", [kit.model()], versions=(version,))
        network, engine = kit.made_up([(site, stays)], 1000.0)
        counted = predict_network(engine, scenario, network, heartbeat_s=3600).totals()
        assert counted["Authorize"] == 2  # a card, and a contract (1.6: a card instead)
