"""MaxEnergyOnInvalidId: what a transaction may still have once its token is refused.

Where StopTransactionOnInvalidId is off, energy flows until the transaction has had so much in all,
then it is cut off (1.6 §3.5.4, 2.0.1 E05.FR.02 and FR.03). The meter tells only when it is read, so
the moment is estimated from the power, and looked at anew at least once a minute.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from simulator.station import smartcharging, statuses, timers
from simulator.station.model import Evse, Transaction
from simulator.station.state import State

_LOOK_S: Final = 60.0
_SHORTEST_S: Final = 0.1
_HOUR_S: Final = 3600.0
_SLACK_WH: Final = 1e-3


def limit(st: State, now: float, evse: Evse, tx: Transaction) -> None:
    """The token of a running transaction is refused: cut its energy off, now or in time."""
    if not tx.limited and not evse.stopped_energy:
        tx.limited = True
        _look(tx, st, now, now)


def _look(tx: Transaction, st: State, now: float, due: float) -> None:
    evse = st.evses[tx.evse]
    if evse.tx is not tx or not tx.limited or not tx.granted:
        return
    had = st.meter.register_wh(now, evse.number) - tx.meter_start
    left = st.conf.max_invalid_wh - had
    if left > _SLACK_WH:
        power = st.meter.power_w(now, evse.number)
        wait = left / power * _HOUR_S if power > 0.0 else _LOOK_S
        timers.at(st, now + min(max(wait, _SHORTEST_S), _LOOK_S), partial(_look, tx))
        return
    tx.limited = False
    st.meter.release(now, evse.number)
    evse.stopped_energy = True
    smartcharging.refresh(st, now, now, told=True)
    statuses.update(st, now, now, evse)
