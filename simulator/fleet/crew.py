"""Builds the virtual stations of a shard from its plan. Called by whoever drives them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.demand.visits import Means
from simulator.fleet.certificates import read_own
from simulator.fleet.contracts import Mobility
from simulator.fleet.deviations import Deviations
from simulator.fleet.keys import X509Keys
from simulator.fleet.means import stations_of
from simulator.fleet.setup import Conditions, settings_of
from simulator.fleet.shardplan import ShardPlan
from simulator.fleet.virtual import VirtualStation
from simulator.station import certificates, truststore
from simulator.station.conformance import Conformance

if TYPE_CHECKING:
    from simulator.station.ports import Observer


def virtual_stations(
    plan: ShardPlan, observer: Observer, epoch_at_zero: float, conditions: Conditions
) -> tuple[list[VirtualStation], Deviations]:
    """The stations of a shard, in its order, and where they will note their deviations.

    ``epoch_at_zero`` is the Unix time of run second 0. Stations of one model and version share
    their settings, and all of them who judges the CSMS's answers. Raises PaperError for a
    certificate that cannot be used.
    """
    judge = Conformance(conditions.check_answers)
    settings = {
        (kind, version): replace(
            settings_of(plan.kinds[kind], version, plan.speed, conditions), conformance=judge
        )
        for kind, version in set(zip(plan.kind.tolist(), plan.versions, strict=True))
    }
    deviations = Deviations()
    keys = X509Keys()
    trusted = () if conditions.ca is None else truststore.csms_roots(keys, keys.read(conditions.ca))
    mobility = Mobility(plan.tokens.seed)
    with_contract = stations_of(plan.stays, Means.CONTRACT)
    stations = [
        VirtualStation(
            index,
            plan.spec(index),
            part,
            settings[int(plan.kind[index]), plan.versions[index]],
            observer,
            epoch_at_zero,
            deviations,
            keys,
            mobility if index in with_contract else None,
        )
        for index, part in enumerate(plan.plans())
    ]
    for station in stations:
        own = None
        if conditions.certificates is not None:
            roots = [root.certificate for root in trusted]
            own = read_own(conditions.certificates, station.spec.id, keys, roots)
        certificates.provision(station.station, trusted, own)
    for index in with_contract:
        truststore.provide(stations[index].station, truststore.MO_ROOT, mobility.root)
    return stations, deviations
