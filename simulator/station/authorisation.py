"""Who may charge: tokens presented here or by the CSMS, asked for, granted, refused, given back.

1.6 §4.1: the CSMS is asked unless the token is the one that began the running transaction, or the
station knows enough of it (``tokens``: the local list, then the cache):

- to end a transaction: it is valid and of the same group (2.0.1 C01.FR.03);
- to begin one online: it is valid, and LocalPreAuthorize says so (1.6 §3.5, 2.0.1 C12, C14);
- offline: it is valid and LocalAuthorizeOffline says so; what is known not to be valid is refused;
  everything else is for AllowOfflineTxForUnknownId to say (1.6 §3.5.4, 2.0.1 C13, C15).

An EVSE that is kept for somebody is for him or his group alone (``reservations``).
"""

from __future__ import annotations

from math import inf
from typing import Final

from simulator.station import (
    metervalues,
    plugandcharge,
    reservations,
    statuses,
    tokens,
    transactions,
)
from simulator.station.configuration import Configuration
from simulator.station.events import Event
from simulator.station.model import (
    AUTHORIZED,
    VALID,
    Authorisation,
    Call,
    Evse,
    Link,
    Registration,
    Status,
    TokenInfo,
    Transaction,
    token_key,
)
from simulator.station.ports import CallOutcome
from simulator.station.profiles import Profile
from simulator.station.rpc import raise_event
from simulator.station.state import State, VersionTable
from simulator.station.transactions import same_token

NO_AUTHORIZATION: Final = "NoAuthorization"
"""The type of the empty token of somebody who pressed a button, or just plugged in (2.0.1 C02)."""
CENTRAL: Final = "Central"
"""The type of a token that the CSMS made up: it is never asked about it (2.0.1 C05.FR.01)."""


def button_token(conf: Configuration, table: VersionTable, identity: str) -> str:
    """What stands for somebody who is not authorised: nothing in 2.x (C02.FR.01).

    1.6 knows no start without an idTag: there it is one of the station's own, by default the end
    of ``identity``, which is its serial number or else its name.
    """
    if conf.button_token is None:
        return ""
    return conf.button_token or identity[-table.longest_token :]


def own_token(st: State) -> str:
    """The same of a station."""
    return button_token(st.conf, st.table, st.identity.serial or st.identity.id)


def present(
    st: State,
    now: float,
    due: float,
    evse: Evse,
    token: str,
    kind: str = "",
    contract: plugandcharge.Contract | None = None,
) -> None:
    """A driver holds a token to the reader. ``kind`` is its type in 2.x; "" is the default.

    ``contract``: no reader, but an EV that identifies itself (2.0.1 C07).
    """
    tx = evse.tx
    expected = st.resetting == "idle" and (tx is not None or evse.reserved)
    if st.link is Link.OFF or (st.resetting and not expected):
        st.refused += 1
        return
    if tx is not None and tx.granted and evse.token is None:
        _present_in_transaction(st, now, due, evse, tx, token, kind)
        return
    if evse.auth is not None:
        return
    if evse.token is not None and token_key(token, kind) == token_key(evse.token, evse.kind):
        _give_back(st, now, due, evse)
    elif evse.status is Status.FAULTED or not evse.in_service or (tx is not None and tx.granted):
        st.refused += 1
    elif tx is not None and tx.token is not None and not _began(tx, token, kind):
        st.refused += 1  # a transaction is for one token alone (2.0.1 C01.FR.23)
    elif _kept_from(st, now, evse, token, kind):
        _deny(st, now, evse)
    else:
        auth = Authorisation(token, None, kind)
        auth.contract = contract
        _claim(st, now, due, evse, auth)
        ask(st, now, due, evse, auth)


def _claim(st: State, now: float, due: float, evse: Evse, auth: Authorisation) -> None:
    """In 2.x a reservation is used by presenting its token, whatever comes of that (H03.FR.09)."""
    if st.reservations is None or st.conf.reserved_until_start:
        return
    found = reservations.match(st, evse, auth.token, auth.kind, None)
    if found is not None:
        auth.reservation = found
        reservations.use(st, found)
        statuses.update(st, now, due, evse)


def _present_in_transaction(
    st: State, now: float, due: float, evse: Evse, tx: Transaction, token: str, kind: str
) -> None:
    if _began(tx, token, kind):
        transactions.stop(st, now, due, evse, "Local", token, kind=kind)
        return
    if evse.auth is not None or not st.conf.authorisation:
        return
    auth = Authorisation(token, tx, kind)
    info = tokens.known(st, now, token, kind)
    if (
        info is not None
        and info.valid
        and (_same_group(st, now, tx, info) or is_master(st, info.group))
    ):
        _grant(st, now, due, evse, auth, info)
    else:
        ask(st, now, due, evse, auth)


def _began(tx: Transaction, token: str, kind: str) -> bool:
    """Is it the token that the transaction was authorised by?"""
    return tx.token is not None and token_key(token, kind) == token_key(tx.token, tx.kind)


def _same_group(st: State, now: float, tx: Transaction, info: TokenInfo) -> bool:
    """Is a token of the group of whoever is authorised for the transaction (1.6 §3.10)?"""
    group = tx.parent
    if group is None and tx.token is not None:
        starter = tokens.known(st, now, tx.token, tx.kind)
        group = starter.group if starter is not None else None
    return same_token(info.group, group)


def is_master(st: State, group: str | None) -> bool:
    """Do tokens of this group end whatever runs, and begin nothing (2.0.1 C16)?"""
    return bool(st.conf.master_group) and same_token(group, st.conf.master_group)


def _kept_from(st: State, now: float, evse: Evse, token: str, kind: str) -> bool:
    """Is the EVSE reserved, and nothing that the CSMS might say could make the token fit?"""
    info = tokens.known(st, now, token, kind)
    group = info.group if info is not None else None
    if not reservations.refuses(st, evse, token, kind, group):
        return False
    # The group is looked up, or asked for (1.6 §5.13, 2.0.1 H03.FR.07, FR.08).
    return (info is not None and info.valid) or not reservations.group_counts(st, evse)


def present_remote(
    st: State,
    now: float,
    evse: Evse,
    token: str,
    kind: str = "",
    remote_id: int | None = None,
    profile: Profile | None = None,
    group: str | None = None,
) -> None:
    """The CSMS starts for a token (1.6 §5.11): ask it first if AuthorizeRemoteTxRequests.

    ``profile`` is the charging profile of the transaction that comes of it; ``group`` is the
    token's, as the CSMS or the station knows it.
    """
    auth = Authorisation(token, None, kind, remote_id, profile)
    _claim(st, now, now, evse, auth)
    if st.conf.authorize_remote and kind != CENTRAL:
        ask(st, now, now, evse, auth)
    else:
        evse.auth = auth
        _grant(st, now, now, evse, auth, TokenInfo("Accepted", group))


def group_of(st: State, now: float, token: str, kind: str = "") -> str | None:
    """The group of a token, if the station knows it."""
    info = tokens.known(st, now, token, kind)
    return info.group if info is not None else None


def ask(st: State, now: float, due: float, evse: Evse, auth: Authorisation) -> None:
    """May the token begin or end what it was presented for? By what is known, or by the CSMS."""
    evse.auth = auth
    if (not st.conf.authorisation or auth.kind == NO_AUTHORIZATION) and serves(st):
        _grant(st, now, due, evse, auth, VALID)
        return
    online = st.link is Link.ONLINE and st.registration is Registration.ACCEPTED
    if not online:
        _decide_offline(st, now, due, evse, auth)
        return
    if auth.contract is not None:  # the CSMS alone knows what was revoked (C07.FR.01)
        raise_event(st, Event.TOKEN_PRESENTED, now, due, evse, None, auth)
        return
    info = tokens.known(st, now, auth.token, auth.kind)
    if info is not None and info.valid and (st.conf.local_only or st.conf.local_online):
        if st.conf.local_only or auth.ends is None:
            _grant(st, now, due, evse, auth, info)
            return
    elif st.conf.local_only or (
        info is not None
        and not info.valid
        and not tokens.asks_again(st, now, auth.token, auth.kind)
    ):
        _deny(st, now, evse)
        return
    raise_event(st, Event.TOKEN_PRESENTED, now, due, evse, None, auth)


def serves(st: State) -> bool:
    """May drivers charge here though nobody can be asked?

    Not where the CSMS has never accepted the station or, in 2.x, says that it does not, unless that
    is configured (TxBeforeAcceptedEnabled, 2.0.1 part 2 B 1.1).
    """
    if st.conf.before_accepted is None:
        return st.trusted
    refused = st.registration in (Registration.PENDING, Registration.REJECTED)
    return st.conf.before_accepted or (st.trusted and not refused)


def _decide_offline(st: State, now: float, due: float, evse: Evse, auth: Authorisation) -> None:
    """1.6 §3.5.4, 2.0.1 C13.FR.04: only what nothing bad is known of may pass as unknown."""
    info = tokens.known(st, now, auth.token, auth.kind)
    bad = info is not None and not info.valid
    if auth.contract is not None and not plugandcharge.holds_offline(st, now, auth.contract):
        bad = True
    if bad or not serves(st):
        _deny(st, now, evse)
    elif info is not None and st.conf.local_offline:
        _grant(st, now, due, evse, auth, info)
    elif auth.ends is None and st.conf.unknown_offline:
        _grant(st, now, due, evse, auth, info or VALID)
    else:
        _deny(st, now, evse)


def answered(st: State, now: float, call: Call, info: TokenInfo) -> None:
    """The CSMS's word on a token."""
    evse, auth = call.evse, call.auth
    assert auth is not None
    tokens.learn(st, now, auth.token, auth.kind, info)
    if evse is None or evse.auth is not auth:
        return
    if info.valid:
        _grant(st, now, now, evse, auth, info)
    else:
        st.observer.violation(st.index, "id_rejected", f"Authorize: {info.status}", now)
        _deny(st, now, evse)


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """No answer of use: decide as offline if the connection went, else refuse."""
    evse, auth = call.evse, call.auth
    if evse is None or auth is None or evse.auth is not auth:
        return
    if outcome in (CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED):
        _decide_offline(st, now, now, evse, auth)
    else:
        _deny(st, now, evse)


def _grant(
    st: State, now: float, due: float, evse: Evse, auth: Authorisation, info: TokenInfo
) -> None:
    """The token is valid: it may begin or end what it was presented for, if nothing forbids it."""
    evse.auth = None
    if is_master(st, info.group) and auth.remote_id is not None:
        _deny(st, now, evse)  # it was not presented, and may not start (C16.FR.03)
    elif is_master(st, info.group):
        _stop_everything(st, now, due, auth)
    elif auth.ends is not None:
        if evse.tx is not auth.ends:
            return
        if _same_group(st, now, auth.ends, info):
            transactions.stop(st, now, due, evse, "Local", auth.token, kind=auth.kind)
        else:
            # Another driver's transaction, and no common parent (1.6 §4.1).
            st.refused += 1
    elif evse.status is Status.FAULTED or not evse.in_service:
        st.refused += 1
    elif info.evses is not None and evse.number not in info.evses:
        _deny(st, now, evse)  # 2.0.1 C01.FR.21
    elif auth.reservation is not None:
        _begin(st, now, due, evse, auth, info.group)
    elif reservations.refuses(st, evse, auth.token, auth.kind, info.group):
        _deny(st, now, evse)
    else:
        auth.reservation = reservations.match(st, evse, auth.token, auth.kind, info.group)
        if auth.reservation is not None and not st.conf.reserved_until_start:
            reservations.use(st, auth.reservation)  # by its group (2.0.1 H03.FR.09)
        auth.priority = info.priority
        _begin(st, now, due, evse, auth, info.group)


def _begin(
    st: State, now: float, due: float, evse: Evse, auth: Authorisation, group: str | None
) -> None:
    evse.finishing = False
    evse.profile = auth.profile
    trigger = "Authorized" if auth.remote_id is None else "RemoteStart"
    if evse.plugged:
        if evse.tx is None:
            evse.token, evse.reservation = auth.token, auth.reservation
            statuses.update(st, now, due, evse)
            evse.token = None
        transactions.start(st, now, due, evse, auth, group, trigger)
        return
    if evse.tx is not None:  # begun by the car in the bay
        transactions.authorise(st, now, due, evse, evse.tx, auth, group, trigger)
    elif st.conf.start_points & AUTHORIZED:
        tx = transactions.begin(st, now, due, evse, trigger, auth, group)
        metervalues.begin(st, now, evse, tx)
    evse.token, evse.kind, evse.remote_id = auth.token, auth.kind, auth.remote_id
    evse.parent, evse.reservation, evse.priority = group, auth.reservation, auth.priority
    statuses.update(st, now, due, evse)
    statuses.arm(st, now, evse)


def _stop_everything(st: State, now: float, due: float, auth: Authorisation) -> None:
    """A master pass ends every transaction, for nobody can choose here, and begins none (C16)."""
    for evse in st.evses[1:]:
        if evse.tx is not None and evse.tx.granted:
            transactions.stop(st, now, due, evse, "MasterPass", auth.token, kind=auth.kind)
            evse.token = evse.parent = None
            statuses.update(st, now, due, evse)


def _deny(st: State, now: float, evse: Evse) -> None:
    """A driver is turned away."""
    evse.auth = None
    st.refused += 1
    if evse.plugged and evse.tx is None and not evse.finishing:
        statuses.arm(st, now, evse)


def _give_back(st: State, now: float, due: float, evse: Evse) -> None:
    """The driver changes his mind before plugging in."""
    transactions.stop(st, now, due, evse, "Local", evse.token, kind=evse.kind)
    evse.token = evse.parent = None
    evse.plug_due = inf
    statuses.rearm(st)
    statuses.update(st, now, due, evse)


def wake(st: State, now: float, evse: Evse) -> None:
    """ConnectionTimeOut: nobody plugged in (Available again), or no token came (B6)."""
    due, evse.plug_due = evse.plug_due, inf
    unplugged_since = evse.tx is not None and evse.tx.powered and not evse.plugged
    if evse.auth is not None or (evse.tx is not None and evse.token is None):
        if unplugged_since:  # E10.FR.02
            transactions.stop(st, now, due, evse, "Timeout")
        return
    transactions.stop(st, now, due, evse, "Timeout")
    if evse.plugged and evse.status is Status.PREPARING:
        evse.finishing = True
    evse.token = evse.parent = None
    statuses.update(st, now, due, evse)
