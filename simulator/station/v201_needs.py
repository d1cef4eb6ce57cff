"""OCPP 2.0.1: what EVs that speak ISO 15118 need and then draw (K15-K17), as messages."""

from __future__ import annotations

from math import inf
from typing import Any, Final

from simulator.station import clock, needs
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.needs import Announcement, Needs, Talk
from simulator.station.state import Action, Part, State
from simulator.station.v16_messages import forgotten
from simulator.station.v16_profiles import periods

_STATUSES: Final = ("Accepted", "Rejected", "Processing")


def request(st: State, now: float, call: Call) -> str:
    """NotifyEVChargingNeedsRequest (K15.FR.01, FR.06)."""
    talk: Talk = call.about
    assert call.evse is not None
    said = talk.needs
    parts = [f'"requestedEnergyTransfer":"{said.mode}"']
    if said.departure_s < inf:
        parts.append(f'"departureTime":"{clock.iso(st.clock_zero + said.departure_s)}"')
    parts.append(_dc(said) if said.mode == "DC" else _ac(said))
    most = f'"maxScheduleTuples":{said.max_tuples},' if said.max_tuples is not None else ""
    return f'"evseId":{call.evse.number},{most}"chargingNeeds":{{{",".join(parts)}}}'


def _ac(said: Needs) -> str:
    return (
        f'"acChargingParameters":{{"energyAmount":{round(said.energy_wh or 0.0)},'
        f'"evMinCurrent":{round(said.min_a)},"evMaxCurrent":{round(said.max_a)},'
        f'"evMaxVoltage":{round(said.max_v)}}}'
    )


def _dc(said: Needs) -> str:
    figures = {
        "evMaxCurrent": said.max_a,
        "evMaxVoltage": said.max_v,
        "energyAmount": said.energy_wh,
        "evMaxPower": said.max_w,
        "stateOfCharge": said.soc_percent,
        "evEnergyCapacity": said.capacity_wh,
    }
    told = [f'"{name}":{round(value)}' for name, value in figures.items() if value is not None]
    return f'"dcChargingParameters":{{{",".join(told)}}}'


def schedule(st: State, now: float, call: Call) -> str:
    """NotifyEVChargingScheduleRequest (K15.FR.10, FR.19; K16.FR.05, FR.13)."""
    about: Announcement = call.about
    found = about.found
    return (
        f'"timeBase":"{clock.iso(found.start)}","evseId":{about.evse},"chargingSchedule":'
        f'{{"id":{about.schedule},"duration":{round(found.duration_s)},'
        f'"chargingRateUnit":"{found.unit.value}",'
        f'"chargingSchedulePeriod":[{periods(found, st.settings.supply.dc)}]}}'
    )


def answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """Either answer: schedules come, or do not, in messages of their own (K15.FR.03-05, FR.13)."""
    return payload.get("status") in _STATUSES


PART: Final = Part(
    {
        Event.EV_NEEDS: ("NotifyEVChargingNeeds",),
        Event.EV_SCHEDULE: ("NotifyEVChargingSchedule",),
    },
    {
        "NotifyEVChargingNeeds": Action(request, answered, needs.failed),
        "NotifyEVChargingSchedule": Action(schedule, answered, forgotten),
    },
)
