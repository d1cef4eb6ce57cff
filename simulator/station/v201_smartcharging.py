"""OCPP 2.0.1: smart charging (block K) as messages: profiles set, asked for, cleared, reported.

What profiles do is ``smartcharging``'s, limits of others are ``limits``'s (K11-K13); the JSON of
profiles is ``v201_profiles``'s.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec

from simulator.station import clock, needs, rpc, smartcharging
from simulator.station.composite import Installed
from simulator.station.events import Event
from simulator.station.limits import Limit
from simulator.station.model import Call, Registration
from simulator.station.payloads import Refusal
from simulator.station.profiles import Profile, Unit
from simulator.station.state import Action, Afterwards, Part, Request, State
from simulator.station.v16_messages import forgotten, noted
from simulator.station.v201_codes import GENERIC
from simulator.station.v201_profiles import PURPOSES, composite_json, read, write
from simulator.station.wording import notice

Answer = tuple[str, Afterwards | None]


def _refused(reason: str) -> Answer:
    return f'{{"status":"Rejected","statusInfo":{{"reasonCode":"{reason}"}}}}', None


def set_profile(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """SetChargingProfile (K01)."""
    profile = read(payload["chargingProfile"])
    number = payload["evseId"]
    reason = smartcharging.refusal(st, number, profile, strict=True)
    reason = reason or needs.refusal(st, number, profile)
    if reason:
        return _refused(reason)
    return '{"status":"Accepted"}', partial(_install, number, profile)


def _install(number: int, profile: Profile, st: State, now: float) -> None:
    smartcharging.install(st, now, number, needs.chosen(st, now, number, profile), strict=True)


def clear_profile(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ClearChargingProfile (K10)."""
    wanted = payload.get("chargingProfileCriteria", {})
    purpose = wanted.get("chargingProfilePurpose")
    criteria: dict[str, Any] = {
        "id": payload.get("chargingProfileId"),
        "evse": wanted.get("evseId"),
        "purpose": PURPOSES[purpose] if purpose is not None else None,
        "level": wanted.get("stackLevel"),
    }
    if not smartcharging.clearable(st, **criteria):
        return '{"status":"Unknown"}', None
    return '{"status":"Accepted"}', partial(_clear, criteria)


def _clear(criteria: dict[str, Any], st: State, now: float) -> None:
    smartcharging.clear(st, now, **criteria)


def composite_schedule(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetCompositeSchedule (K08)."""
    number, unit = payload["evseId"], payload.get("chargingRateUnit")
    found = smartcharging.composite_of(
        st, now, number, payload["duration"], Unit(unit) if unit is not None else None
    )
    if found is None:
        if not 0 <= number < len(st.evses):
            return _refused("UnknownEvse")
        return _refused("UnsupportedRateUnit" if payload["duration"] > 0 else "InvalidValue")
    told = composite_json(needs.within(st, number, found), number, st.settings.supply.dc)
    return f'{{"status":"Accepted","schedule":{told}}}', None


# -- what is installed ----------------------------------------------------------------------------


class _Report(NamedTuple):
    """One ReportChargingProfiles."""

    request: int
    source: str
    evse: int
    profiles: tuple[Profile, ...]
    more: bool


def get_profiles(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetChargingProfiles (K09): told after the answer, by EVSE and source.

    The answer knows no other way to say that nothing may be told yet (B02.FR.02).
    """
    if st.registration is not Registration.ACCEPTED:
        raise Refusal(GENERIC, "not accepted yet")
    wanted = payload["chargingProfile"]
    purpose = wanted.get("chargingProfilePurpose")
    found = smartcharging.matching(
        st,
        wanted.get("chargingProfileId", ()),
        payload.get("evseId"),
        PURPOSES[purpose] if purpose is not None else None,
        wanted.get("stackLevel"),
        wanted.get("chargingLimitSource", ()),
    )
    if not found:
        return '{"status":"NoProfiles"}', None
    return '{"status":"Accepted"}', partial(_report, payload["requestId"], found)


def _report(request: int, found: list[Installed], st: State, now: float) -> None:
    found = sorted(found, key=_group)
    groups = [(key, tuple(i.profile for i in group)) for key, group in groupby(found, key=_group)]
    for n, ((evse, source), profiles) in enumerate(groups, 1):
        about = _Report(request, source, evse, profiles, n < len(groups))
        rpc.raise_event(st, Event.PROFILES_REPORTED, now, now, about=about)


def _group(item: Installed) -> tuple[int, str]:
    return item.evse, item.source


def report(st: State, now: float, call: Call) -> str:
    """ReportChargingProfilesRequest."""
    about: _Report = call.about
    profiles = msgspec.json.encode([write(profile) for profile in about.profiles]).decode()
    more = ',"tbc":true' if about.more else ""
    return (
        f'"requestId":{about.request},"chargingLimitSource":"{about.source}",'
        f'"evseId":{about.evse},"chargingProfile":{profiles}{more}'
    )


# -- limits of others -----------------------------------------------------------------------------


def limit_imposed(st: State, now: float, call: Call) -> str:
    """NotifyChargingLimitRequest (K12)."""
    about: Limit = call.about.about
    where = f'"evseId":{about.evse},' if about.evse else ""
    schedule = ""
    if st.conf.limits_with_schedules and about.schedule is not None:
        start = about.schedule.start or 0.0
        schedule = (
            f',"chargingSchedule":[{{"id":0,"startSchedule":"{clock.iso(start)}",'
            f'"chargingRateUnit":"W","chargingSchedulePeriod":'
            f'[{{"startPeriod":0,"limit":{about.schedule.periods[0].limit:.1f}}}]}}]'
        )
    return f'{where}"chargingLimit":{{"chargingLimitSource":"{about.source}"}}{schedule}'


def limit_cleared(st: State, now: float, call: Call) -> str:
    """ClearedChargingLimitRequest (K13)."""
    about: Limit = call.about.about
    where = f',"evseId":{about.evse}' if about.evse else ""
    return f'"chargingLimitSource":"{about.source}"{where}'


PART: Final = Part(
    {
        Event.PROFILES_REPORTED: ("ReportChargingProfiles",),
        Event.LIMIT_IMPOSED: ("NotifyChargingLimit",),
        Event.LIMIT_CLEARED: ("ClearedChargingLimit",),
    },
    {
        "ReportChargingProfiles": Action(report, noted, forgotten),
        "NotifyChargingLimit": notice(limit_imposed),
        "ClearedChargingLimit": notice(limit_cleared),
    },
    {
        "ClearChargingProfile": Request(clear_profile),
        "GetChargingProfiles": Request(get_profiles),
        "GetCompositeSchedule": Request(composite_schedule),
        "SetChargingProfile": Request(set_profile),
    },
)
