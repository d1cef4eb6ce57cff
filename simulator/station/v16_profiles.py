"""OCPP 1.6: charging profiles as JSON (§7.8-§7.14), and what the CSMS asks about them.

``read`` takes a payload of the right form; whether the profile is any good is ``smartcharging``'s
to say. Not to be used when the profile is not Recurring: recurrencyKind (errata 3.56).
"""

from __future__ import annotations

from functools import partial
from math import floor, inf
from typing import Any, Final

from simulator.station import clock, smartcharging
from simulator.station.payloads import Refusal
from simulator.station.profiles import (
    Kind,
    Period,
    Profile,
    Purpose,
    Recurrency,
    Schedule,
    Unit,
)
from simulator.station.state import Afterwards, Part, Request, State
from simulator.station.v16_codes import PROPERTY

PURPOSES: Final = {
    "ChargePointMaxProfile": Purpose.STATION_MAX,
    "TxDefaultProfile": Purpose.TX_DEFAULT,
    "TxProfile": Purpose.TX,
}
KINDS: Final = {
    "Absolute": Kind.ABSOLUTE,
    "Recurring": Kind.RECURRING,
    "Relative": Kind.RELATIVE,
}
RECURRENCIES: Final = {"Daily": Recurrency.DAILY, "Weekly": Recurrency.WEEKLY}


def read(payload: dict[str, Any]) -> Profile:
    """A ChargingProfile (§7.8). Raises ``Refusal`` for a time that is none."""
    kind = KINDS[payload["chargingProfileKind"]]
    recurrency = payload.get("recurrencyKind") if kind is Kind.RECURRING else None
    return Profile(
        id=payload["chargingProfileId"],
        level=payload["stackLevel"],
        purpose=PURPOSES[payload["chargingProfilePurpose"]],
        kind=kind,
        schedules=(_schedule(payload["chargingSchedule"]),),
        recurrency=RECURRENCIES[recurrency] if recurrency is not None else None,
        valid_from=_time(payload, "validFrom", -inf),
        valid_to=_time(payload, "validTo", inf),
        transaction=payload.get("transactionId"),
    )


def _schedule(payload: dict[str, Any]) -> Schedule:
    return Schedule(
        unit=Unit(payload["chargingRateUnit"]),
        periods=tuple(
            Period(float(p["startPeriod"]), float(p["limit"]), p.get("numberPhases"))
            for p in payload["chargingSchedulePeriod"]
        ),
        start=_time(payload, "startSchedule", 0.0) if "startSchedule" in payload else None,
        duration_s=float(payload.get("duration", inf)),
        min_rate=payload.get("minChargingRate"),
    )


def _time(payload: dict[str, Any], name: str, absent: float) -> float:
    if name not in payload:
        return absent
    found = clock.parse(payload[name])
    if found is None:
        raise Refusal(PROPERTY, f"{name} is not a date and time of ISO 8601")
    return found


def unfit_to_start(st: State, number: int | None, profile: Profile) -> bool:
    """Is the profile of a RemoteStartTransaction (§5.16.2) not to be taken?"""
    return bool(smartcharging.refusal(st, number or 1, profile, False, starting=True))


# -- what the CSMS asks ---------------------------------------------------------------------------


def set_profile(st: State, now: float, payload: dict[str, Any]) -> tuple[str, Afterwards | None]:
    """SetChargingProfile (§5.16); an unknown connector is a CALLERROR (errata 3.39)."""
    number = payload["connectorId"]
    if not 0 <= number < len(st.evses):
        raise Refusal(PROPERTY, f"connectorId {number} is none of this station's")
    profile = read(payload["csChargingProfiles"])
    if smartcharging.refusal(st, number, profile, strict=False):
        return '{"status":"Rejected"}', None
    return '{"status":"Accepted"}', partial(_install, number, profile)


def _install(number: int, profile: Profile, st: State, now: float) -> None:
    smartcharging.install(st, now, number, profile, strict=False)


def clear_profile(st: State, now: float, payload: dict[str, Any]) -> tuple[str, Afterwards | None]:
    """ClearChargingProfile (§5.5, errata 3.25, 3.26)."""
    purpose = payload.get("chargingProfilePurpose")
    criteria: dict[str, Any] = {
        "id": payload.get("id"),
        "evse": payload.get("connectorId"),
        "purpose": PURPOSES[purpose] if purpose is not None else None,
        "level": payload.get("stackLevel"),
    }
    if not smartcharging.clearable(st, **criteria):
        return '{"status":"Unknown"}', None
    return '{"status":"Accepted"}', partial(_clear, criteria)


def _clear(criteria: dict[str, Any], st: State, now: float) -> None:
    smartcharging.clear(st, now, **criteria)


def composite_schedule(
    st: State, now: float, payload: dict[str, Any]
) -> tuple[str, Afterwards | None]:
    """GetCompositeSchedule (§5.7)."""
    number = payload["connectorId"]
    unit = payload.get("chargingRateUnit")
    found = smartcharging.composite_of(
        st, now, number, payload["duration"], Unit(unit) if unit is not None else None
    )
    if found is None:
        return '{"status":"Rejected"}', None
    return (
        f'{{"status":"Accepted","connectorId":{number},"scheduleStart":"{clock.iso(found.start)}",'
        f'"chargingSchedule":{{"duration":{round(found.duration_s)},'
        f'"chargingRateUnit":"{found.unit.value}",'
        f'"chargingSchedulePeriod":[{periods(found, st.settings.supply.dc)}]}}}}'
    ), None


def periods(found: smartcharging.Composite, dc: bool) -> str:
    """ChargingSchedulePeriod elements, joined by commas; both versions write them alike.

    Limits have one decimal (§7.14) and are rounded down, so that nothing exceeds what holds.
    """
    told: dict[int, str] = {}
    for stretch in found.stretches:
        # The last one of a second stands for it.
        at = floor(stretch.start_s + 0.5)
        limit = floor(stretch.limit(found.unit) * 10.0 + 1e-6) / 10.0
        phases = "" if dc else f',"numberPhases":{stretch.lines}'
        phases += f',"phaseToUse":{stretch.phase}' if stretch.phase else ""  # 2.x alone
        told[at] = f'{{"startPeriod":{at},"limit":{limit:.1f}{phases}}}'
    return ",".join(told.values())


PART: Final = Part(
    requests={
        "ClearChargingProfile": Request(clear_profile),
        "GetCompositeSchedule": Request(composite_schedule),
        "SetChargingProfile": Request(set_profile),
    }
)
