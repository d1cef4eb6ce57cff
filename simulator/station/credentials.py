"""How the station proves who it is: the password and the security profile (A01, A05).

A change is told to the driver (``Credentials``), and proved by a new connection.
"""

from __future__ import annotations

from simulator.station import certificates, link, security, truststore
from simulator.station.effects import Credentials
from simulator.station.state import State

PASSWORD_PROFILES = (1, 2)


def change_password(password: bytes, st: State, now: float) -> None:
    """The answer is on its way: use the new password from now on, on a new connection."""
    st.effects.append(Credentials(password=password))
    security.note(st, now, "ReconfigurationOfSecurityParameters", "password changed")
    assert st.security is not None
    st.security.password = True
    if st.conf.security_profile in PASSWORD_PROFILES:
        link.close(st, now, 1000, "new password")


def can_raise(st: State, profile: int) -> bool:
    """May the security profile become this one? It only rises, and all it takes must be there."""
    if not st.conf.security_profile < profile <= st.settings.highest_security_profile:
        return False
    given = st.security is not None and st.security.password
    if profile in PASSWORD_PROFILES and not (given or st.identity.password):
        return False
    if profile > 1 and not truststore.roots(st, truststore.CSMS_ROOT):
        return False
    store = st.certificates
    return profile < 3 or (store is not None and truststore.STATION in store.own)


def raise_profile(key: str, value: str, st: State, now: float) -> None:
    """The answer is on its way: reconnect with the new profile (A05.FR.06, FR.07)."""
    st.conf = st.table.configure(st.settings, {**st.conf.overrides, key: value})
    security.note(st, now, "ReconfigurationOfSecurityParameters", f"security profile {value}")
    st.effects.append(_credentials(st, int(value)))
    link.close(st, now, 1000, "new security profile")


def _credentials(st: State, profile: int) -> Credentials:
    """What it takes for a profile, but for a password that the driver has been told."""
    store = st.certificates
    own = None if store is None else store.own.get(truststore.STATION)
    if profile == certificates.TLS_CLIENT_PROFILE and own is not None:
        return Credentials(None, profile, own.pem, own.key)
    given = st.security is not None and st.security.password
    first = st.identity.password if not given else None
    return Credentials(None if first is None else first.encode(), profile)
