"""Which way the station connects: its network profiles, their order, and its credentials.

Slot 0 is how the station was provisioned; the CSMS may fill slots and choose an order (2.0.1 B09,
B10), which is in force after the next reboot. Each way gets so many attempts, then the next one,
and after the last the first again (B10.FR.03, FR.08). A station that came another way than before
boots anew there (B10.FR.10), and forgets the ways that were less secure (A05.FR.06). 1.6 has the
one way; a security profile by which it gets nowhere is given up again (whitepaper A05.FR.08).

What a profile says of interface, APN and VPN is not modelled (see ``v201_network``), and a driver
need not go where the CSMS sends it: it then reports that it could not connect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from simulator.station.effects import Connect
from simulator.station.model import GATE_BOOT, Registration
from simulator.station.state import State
from simulator.station.waits import gate_on

PROVISIONED = 0
PRIORITY: Final = "OCPPCommCtrlr.NetworkConfigurationPriority"
"""The variable of 2.0.1 that holds the order."""
ROOT: Final = "CSMSRootCertificate"
TRIES: Final = 3
"""Attempts with a new security profile, in 1.6, which does not say how many."""
TLS = 2
TLS_CLIENT = 3
"""The security profile by which a station shows a certificate instead of a password."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A network connection profile, as far as it matters here."""

    url: str
    security: int
    settings: Mapping[str, str]
    """Configuration that holds while the station is connected by it."""


class Network:
    """What the CSMS changed about the ways to connect."""

    __slots__ = ("active", "place", "profile", "security", "slots", "trial", "tries", "ways")

    def __init__(self, security: int) -> None:
        self.slots: dict[int, Profile] = {}
        """As set, in force after the next reboot."""
        self.ways: tuple[tuple[int, Profile | None], ...] = ((PROVISIONED, None),)
        """Slots and profiles in the order in which they are tried; None: as provisioned."""
        self.active = PROVISIONED
        self.profile: Profile | None = None
        """How the last connection was made."""
        self.security = security
        """The security profile of the last connection."""
        self.place = 0
        self.tries = 0
        self.trial: Mapping[str, str] | None = None
        """What the CSMS had changed before it raised the security profile, until that is proved."""


def store(st: State, slot: int, profile: Profile) -> None:
    """Keep a profile in a slot; nothing happens before the next reboot."""
    if st.network is None:
        st.network = Network(st.conf.security_profile)
    st.network.slots[slot] = profile


def profile_of(st: State, slot: int) -> Profile | None:
    """What was set for a slot; None for an empty one, and for how the station was provisioned."""
    return None if st.network is None else st.network.slots.get(slot)


def active(st: State) -> int:
    """The slot of the present connection, or of the last one."""
    return PROVISIONED if st.network is None else st.network.active


def security(st: State) -> int:
    """The security profile of the present connection, or of the last one."""
    return st.conf.security_profile if st.network is None else st.network.security


def rebooted(st: State) -> None:
    """Power is on: from here the order and the profiles count as they are set now."""
    net = st.network
    if net is None:
        return
    known = (slot for slot in st.conf.network_order if slot == PROVISIONED or slot in net.slots)
    net.ways = tuple((slot, net.slots.get(slot)) for slot in known) or ((PROVISIONED, None),)
    if (net.active, net.profile) not in net.ways:
        net.ways += ((net.active, net.profile),)  # where it last came through (B10.FR.07)
    net.place = net.tries = 0


def way(st: State) -> Connect:
    """How to connect this time."""
    wanted = st.conf.security_profile
    password = st.conf.password if wanted > 0 else None
    if password is None and wanted > st.settings.security_profile:
        password = (st.identity.password or "").encode()
    profile = None if st.network is None else st.network.ways[st.network.place][1]
    if profile is None:
        return _secured(st, "", password, wanted)
    own = st.identity.password.encode() if st.identity.password is not None else None
    return _secured(st, profile.url, st.conf.password or own, profile.security)


def _secured(st: State, url: str, password: bytes | None, profile: int) -> Connect:
    store = st.certificates
    if profile < TLS or store is None:
        return Connect(url, None if profile == TLS_CLIENT else password, profile)
    # A root that is only to fall back on is no help unless it is needed (M05.FR.13).
    roots = tuple(
        root.certificate.pem
        for root in store.roots
        if root.kind == ROOT and (store.doubted or not root.fallback)
    )
    if profile != TLS_CLIENT:
        return Connect(url, password, profile, roots=roots)
    own = store.client
    if own is None:
        return Connect(url, None, profile, roots=roots)
    return Connect(url, None, profile, own.pem, own.key, roots)


def try_profile(st: State, before: Mapping[str, str]) -> None:
    """The security profile was raised; ``before`` is what the CSMS had changed until then."""
    if st.network is None:
        former = st.table.configure(st.settings, before)
        st.network = Network(former.security_profile)
    st.network.trial = before
    st.network.tries = 0


def failed(st: State) -> None:
    """An attempt failed."""
    net = st.network
    if net is not None and net.trial is not None:
        net.tries += 1
        if net.tries >= TRIES:  # whitepaper A05.FR.08
            st.conf = st.table.configure(st.settings, net.trial)
            net.trial = None
            net.tries = 0
        return
    if net is None or len(net.ways) == 1:
        return
    net.tries += 1
    if net.tries >= st.conf.network_attempts:
        net.tries = 0
        net.place = (net.place + 1) % len(net.ways)


def arrived(st: State, now: float) -> None:
    """Connected; a station that is known only to the CSMS of another way has to boot here."""
    net = st.network
    if net is None:
        return
    slot, profile = net.ways[net.place]
    net.tries = 0
    if net.trial is not None:
        net.trial = None
        net.security = st.conf.security_profile
    if profile != net.profile:
        old = {} if net.profile is None else net.profile.settings
        kept = {name: v for name, v in st.conf.overrides.items() if name not in old}
        more = {} if profile is None else profile.settings
        st.conf = st.table.configure(st.settings, {**kept, **more})
        risen = profile is not None and profile.security > net.security
        net.security = st.conf.security_profile if profile is None else profile.security
        net.profile = profile
        if risen:
            _forget_lower(st, net)
    if slot != net.active:
        net.active = slot
        if st.registration is not Registration.NONE:
            st.registration = Registration.NONE
            gate_on(st, now, GATE_BOOT)
        st.boot_due = min(st.boot_due, now)


def _forget_lower(st: State, net: Network) -> None:
    """A safer way has proved itself: the others are gone, from the order too (A05.FR.06)."""
    net.slots = {n: way for n, way in net.slots.items() if way.security >= net.security}
    kept = tuple((slot, way) for slot, way in net.ways if way and way.security >= net.security)
    net.place = next(place for place, (_, way) in enumerate(kept) if way == net.profile)
    net.ways = kept
    order = ",".join(str(slot) for slot, _ in kept)
    st.conf = st.table.configure(st.settings, {**st.conf.overrides, PRIORITY: order})
