"""What drivers are told of prices and cost (2.0.1 block I).

The CSMS gives a text with the authorisation, another with the answers to transaction events, and
the cost of a transaction in these or in CostUpdated. What is kept here is the last of each by EVSE;
what is shown follows from it and from where the EVSE stands, with the station's own fallback texts
where the CSMS could tell nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.station.model import Evse, Link, Registration, Transaction
from simulator.station.transactions import same_token

if TYPE_CHECKING:
    from simulator.station.configuration import Screen
    from simulator.station.state import State


class Told:
    """What the CSMS told the driver at one EVSE."""

    __slots__ = ("cost", "final", "message", "token", "tx")

    def __init__(self, token: str | None, tx: Transaction | None) -> None:
        self.token = token
        """Whom it is about, while there is no transaction."""
        self.tx = tx
        self.message = ""
        self.cost: float | None = None
        self.final = False
        """The cost is that of the whole transaction."""


def authorised(st: State, evse: Evse, token: str, text: str, form: str) -> None:
    """A token was accepted, with a text for its driver (I01); it may have begun something here."""
    screen = st.conf.screen
    if screen is None or not screen.tariff or form not in screen.formats:
        return
    owner = evse.token if evse.tx is None else evse.tx.token
    if same_token(owner, token):
        _told(st, evse.number, token, evse.tx).message = text


def begun(st: State, tx: Transaction) -> None:
    """A transaction begins: what was told before is about it, or about nobody any more."""
    told = None if st.tariffs is None else st.tariffs.get(tx.evse)
    if told is None or st.tariffs is None:
        return
    if told.tx is None and same_token(told.token, tx.token):
        told.tx = tx
    else:
        del st.tariffs[tx.evse]


def updated(st: State, tx: Transaction, text: str, form: str) -> None:
    """A new text for the driver of a transaction (I06)."""
    screen = st.conf.screen
    if screen is not None and screen.tariff and form in screen.formats and _latest(st, tx):
        _told(st, tx.evse, tx.token, tx).message = text


def cost(st: State, tx: Transaction, amount: float, final: bool = False) -> None:
    """What a transaction has cost so far, or as a whole (I02, I03)."""
    screen = st.conf.screen
    if screen is not None and screen.cost and _latest(st, tx):
        told = _told(st, tx.evse, tx.token, tx)
        told.cost, told.final = amount, final


def _latest(st: State, tx: Transaction) -> bool:
    """Has nothing new begun where the transaction ran?"""
    return st.evses[tx.evse].tx in (None, tx)


def running_cost(st: State, transaction_id: str, amount: float) -> bool:
    """CostUpdated for a running transaction. False: none of this id runs."""
    for evse in st.evses[1:]:
        if evse.tx is not None and evse.tx.id == transaction_id:
            cost(st, evse.tx, amount)
            return True
    return False


def _told(st: State, number: int, token: str | None, tx: Transaction | None) -> Told:
    if st.tariffs is None:
        st.tariffs = {}
    told = st.tariffs.get(number)
    if told is None or not _is_of(told, token, tx):
        told = st.tariffs[number] = Told(token, tx)
    told.token, told.tx = token, tx
    return told


def _is_of(told: Told, token: str | None, tx: Transaction | None) -> bool:
    if told.tx is not None:
        return told.tx is tx
    return same_token(told.token, token)


def notices(st: State) -> tuple[str, ...]:
    """What the display says of prices and cost now, EVSE by EVSE."""
    screen = st.conf.screen
    if screen is None or not (screen.tariff or screen.cost):
        return ()
    found: list[str] = []
    for evse in st.evses[1:]:
        if evse.tx is not None and evse.tx.granted:
            found += _during(screen, _here(st, evse, evse.tx.token, evse.tx))
        elif evse.token is not None:
            found += _during(screen, _here(st, evse, evse.token, None))
        elif evse.finishing:
            found += _after(st, screen, (st.tariffs or {}).get(evse.number))
    return tuple(found)


def _here(st: State, evse: Evse, token: str | None, tx: Transaction | None) -> Told | None:
    told = (st.tariffs or {}).get(evse.number)
    return told if told is not None and _is_of(told, token, tx) else None


def _during(screen: Screen, told: Told | None) -> list[str]:
    message = told.message if told is not None else ""
    if not message and screen.tariff:
        message = screen.tariff_fallback
    return [message] * bool(message) + _cost(screen, told)


def _after(st: State, screen: Screen, told: Told | None) -> list[str]:
    """The driver is still there: the whole cost, or what stands for it offline (I03, I05)."""
    if told is not None and told.final:
        return _cost(screen, told)
    offline = st.link is not Link.ONLINE or st.registration is not Registration.ACCEPTED
    return [screen.cost_fallback] if offline and screen.cost and screen.cost_fallback else []


def _cost(screen: Screen, told: Told | None) -> list[str]:
    if told is None or told.cost is None:
        return []
    return [f"{told.cost:.2f} {screen.currency}"]
