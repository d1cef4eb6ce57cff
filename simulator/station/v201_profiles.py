"""OCPP 2.0.1: charging profiles as JSON (part 2 §2.9-§2.14, §2.18), to ``Profile`` and back.

No handlers: those belong to a version's table, and what they need is in ``smartcharging``
(``refusal`` and ``install`` with ``strict=True``, ``matching``, ``clear``, ``composite_of``,
``impose``, ``lift``). Payloads are of the right form already.
"""

from __future__ import annotations

from math import inf
from typing import Any, Final

import msgspec

from simulator.station import clock
from simulator.station.profiles import (
    Kind,
    Period,
    Profile,
    Purpose,
    Recurrency,
    Schedule,
    Unit,
)
from simulator.station.smartcharging import Composite
from simulator.station.v16_profiles import periods

PURPOSES: Final = {
    "ChargingStationExternalConstraints": Purpose.EXTERNAL,
    "ChargingStationMaxProfile": Purpose.STATION_MAX,
    "TxDefaultProfile": Purpose.TX_DEFAULT,
    "TxProfile": Purpose.TX,
}
_PURPOSE_WORDS: Final = {purpose: word for word, purpose in PURPOSES.items()}
_KINDS: Final = {
    "Absolute": Kind.ABSOLUTE,
    "Recurring": Kind.RECURRING,
    "Relative": Kind.RELATIVE,
}
_KIND_WORDS: Final = {kind: word for word, kind in _KINDS.items()}
_RECURRENCIES: Final = {"Daily": Recurrency.DAILY, "Weekly": Recurrency.WEEKLY}
_RECURRENCY_WORDS: Final = {step: word for word, step in _RECURRENCIES.items()}


def read(payload: dict[str, Any]) -> Profile:
    """A ChargingProfileType (§2.10). Raises ValueError for a time that is none."""
    kind = _KINDS[payload["chargingProfileKind"]]
    recurrency = payload.get("recurrencyKind") if kind is Kind.RECURRING else None
    return Profile(
        id=payload["id"],
        level=payload["stackLevel"],
        purpose=PURPOSES[payload["chargingProfilePurpose"]],
        kind=kind,
        schedules=tuple(_schedule(schedule) for schedule in payload["chargingSchedule"]),
        recurrency=_RECURRENCIES[recurrency] if recurrency is not None else None,
        valid_from=_time(payload, "validFrom", -inf),
        valid_to=_time(payload, "validTo", inf),
        transaction=payload.get("transactionId"),
    )


def _schedule(payload: dict[str, Any]) -> Schedule:
    return Schedule(
        unit=Unit(payload["chargingRateUnit"]),
        periods=tuple(
            Period(
                float(p["startPeriod"]),
                float(p["limit"]),
                p.get("numberPhases"),
                p.get("phaseToUse"),
            )
            for p in payload["chargingSchedulePeriod"]
        ),
        start=_time(payload, "startSchedule", 0.0) if "startSchedule" in payload else None,
        duration_s=float(payload.get("duration", inf)),
        min_rate=payload.get("minChargingRate"),
        id=payload["id"],
        sales_tariff=_json(payload["salesTariff"]) if "salesTariff" in payload else "",
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _time(payload: dict[str, Any], name: str, absent: float) -> float:
    if name not in payload:
        return absent
    found = clock.parse(payload[name])
    if found is None:
        raise ValueError(f"{name} {payload[name]!r}: expected a date and time of ISO 8601")
    return found


def write(profile: Profile) -> dict[str, Any]:
    """The ChargingProfileType of ReportChargingProfiles; ``read`` gives the profile back.

    Times have milliseconds.
    """
    told: dict[str, Any] = {
        "id": profile.id,
        "stackLevel": profile.level,
        "chargingProfilePurpose": _PURPOSE_WORDS[profile.purpose],
        "chargingProfileKind": _KIND_WORDS[profile.kind],
        "chargingSchedule": [_written(schedule) for schedule in profile.schedules],
    }
    if profile.recurrency is not None:
        told["recurrencyKind"] = _RECURRENCY_WORDS[profile.recurrency]
    if profile.valid_from > -inf:
        told["validFrom"] = clock.iso(profile.valid_from)
    if profile.valid_to < inf:
        told["validTo"] = clock.iso(profile.valid_to)
    if profile.transaction is not None:
        told["transactionId"] = str(profile.transaction)
    return told


def _written(schedule: Schedule) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": schedule.id,
        "chargingRateUnit": schedule.unit.value,
        "chargingSchedulePeriod": [_period(period) for period in schedule.periods],
    }
    if schedule.start is not None:
        told["startSchedule"] = clock.iso(schedule.start)
    if schedule.duration_s < inf:
        told["duration"] = round(schedule.duration_s)
    if schedule.min_rate is not None:
        told["minChargingRate"] = schedule.min_rate
    if schedule.sales_tariff:
        told["salesTariff"] = msgspec.json.decode(schedule.sales_tariff)
    return told


def _period(period: Period) -> dict[str, Any]:
    told: dict[str, Any] = {"startPeriod": round(period.start_s), "limit": period.limit}
    if period.phases is not None:
        told["numberPhases"] = period.phases
    if period.phase_to_use is not None:
        told["phaseToUse"] = period.phase_to_use
    return told


def composite_json(found: Composite, evse: int, dc: bool) -> str:
    """The CompositeScheduleType (§2.18) of GetCompositeSchedule."""
    return (
        f'{{"evseId":{evse},"duration":{round(found.duration_s)},'
        f'"scheduleStart":"{clock.iso(found.start)}","chargingRateUnit":"{found.unit.value}",'
        f'"chargingSchedulePeriod":[{periods(found, dc)}]}}'
    )
