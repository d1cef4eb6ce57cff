"""Which phases of an AC supply charging profiles may ask for, and which they may name.

1.6 errata 3.34; 2.0.1 K01.FR.43 to FR.49 and K §3.7. Asked by ``smartcharging`` before it takes a
profile; what comes of a phase that is named is ``composite``'s.
"""

from __future__ import annotations

from simulator.station.profiles import Profile, Purpose
from simulator.station.state import State


def refusal(st: State, profile: Profile) -> str:
    """Fewer phases than there are can only be promised where they can be switched off.

    K01.FR.43, 45; which one it is only where that can be chosen, or is so anyhow (K01.FR.19, 46,
    48; a single-phase station is on L1). On DC phases are ignored (K01.FR.44).
    """
    supply, rules = st.settings.supply, st.conf.profiles
    if supply.dc:
        return ""
    for schedule in profile.schedules:
        for period in schedule.periods:
            wanted, chosen = period.phases or 3, period.phase_to_use
            if wanted < supply.lines and not (wanted == 1 and rules.switches_phases):
                return "InvalidSchedule"
            if chosen is None:
                continue
            if period.phases != 1 or not 1 <= chosen <= supply.lines:
                return "InvalidSchedule"
            if supply.lines > 1 and not rules.chooses_phase:
                return "InvalidSchedule"
    return ""


def _chosen(profile: Profile) -> set[int]:
    """The phases that a profile names at any time."""
    named = (period.phase_to_use for schedule in profile.schedules for period in schedule.periods)
    return {phase for phase in named if phase is not None}


def conflict(st: State, profile: Profile) -> bool:
    """Would a limit of the whole station name another phase than one of an EVSE (K §3.7)?

    A profile in itself may name several: whether they meet another's cannot be known beforehand.
    """
    mine = _chosen(profile)
    if not mine or st.settings.supply.dc:
        return False
    whole = profile.purpose is Purpose.STATION_MAX
    for item in st.smart.book if st.smart is not None else ():
        other = item.profile.id != profile.id
        if other and (item.profile.purpose is Purpose.STATION_MAX) is not whole:
            others = _chosen(item.profile)
            if others and len(mine | others) > 1:
                return True
    return False
