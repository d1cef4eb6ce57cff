"""How the station proves who it is: password, certificate and security profile (A01, A05).

They belong to the configuration and to the trust store; ``network`` hands them to the driver with
each attempt to connect. A change is proved by a new connection.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.station import link, network, security, truststore
from simulator.station.state import State

PASSWORD_PROFILES = (1, 2)


def possible(st: State, profile: int) -> bool:
    """Can the station connect by a security profile: is all there that it takes?"""
    if profile > st.settings.highest_security_profile:
        return False
    known = st.conf.password is not None or st.identity.password is not None
    if profile in PASSWORD_PROFILES and not known:
        return False
    rooted = st.settings.trusts_system or bool(truststore.roots(st, truststore.CSMS_ROOT))
    if profile > 1 and not rooted:
        return False
    store = st.certificates
    return profile < network.TLS_CLIENT or (store is not None and store.client is not None)


def can_raise(st: State, profile: int) -> bool:
    """May the security profile become this one? It only rises (A05.FR.01)."""
    return st.conf.security_profile < profile and possible(st, profile)


def password_changed(st: State, now: float) -> None:
    """The answer is on its way: connect anew, if a password is what it takes."""
    security.note(st, now, "ReconfigurationOfSecurityParameters", "password changed")
    if network.security(st) in PASSWORD_PROFILES:
        link.close(st, now, 1000, "new password")


def profile_raised(before: Mapping[str, str], st: State, now: float) -> None:
    """The answer is on its way: reconnect with the new profile (A05.FR.06, FR.07).

    ``before`` is what the CSMS had changed until then, to which the station may have to go back.
    """
    network.try_profile(st, before)
    info = f"security profile {st.conf.security_profile}"
    security.note(st, now, "ReconfigurationOfSecurityParameters", info)
    link.close(st, now, 1000, "new security profile")
