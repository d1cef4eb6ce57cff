"""When meters are read, and what for: samples of a transaction, clock-aligned readings, records.

Sampled: every MeterValueSampleInterval from the start of the transaction (1.6 §3.16.1), due at
exact multiples however late the station is woken. Clock-aligned: at multiples from 00:00 of the
station's own clock, for every EVSE with or without a transaction (§3.16.2). Both may also be
recorded for the end of the transaction (transactionData, §3.16.5 and errata 3.14).
"""

from __future__ import annotations

from math import floor, inf

from simulator.station import clock, quirks
from simulator.station.events import Event
from simulator.station.model import Evse, Registration, Transaction
from simulator.station.reading import Reading
from simulator.station.rpc import raise_event
from simulator.station.state import State
from simulator.station.statuses import rearm


def begin(st: State, now: float, evse: Evse, tx: Transaction) -> None:
    """A transaction begins at ``tx.begun``: first record, first sample one interval later."""
    _record(st, now, evse, tx, st.conf.stop_begin)
    evse.sample_step = 0
    _next_sample(st, evse, tx)
    rearm(st)


def end(st: State, now: float, due: float, evse: Evse, tx: Transaction) -> None:
    """It ends: the samples that were due before, then the last record."""
    sample(st, now, due, evse)
    evse.sample_due = inf
    rearm(st)
    _record(st, now, evse, tx, st.conf.stop_end)


def sample(st: State, now: float, before: float, evse: Evse) -> None:
    """Take every sample that was due earlier than ``before``."""
    tx = evse.tx
    while tx is not None and evse.sample_due < before:
        _sample(st, now, evse, tx)


def wake(st: State, now: float, evse: Evse) -> None:
    """Take every sample that is due."""
    tx = evse.tx
    while tx is not None and evse.sample_due <= now:
        _sample(st, now, evse, tx)


def _sample(st: State, now: float, evse: Evse, tx: Transaction) -> None:
    due = evse.sample_due
    _next_sample(st, evse, tx)
    if st.conf.sampled is not None:
        raise_event(st, Event.SAMPLED, now, due, evse, tx)
    _record(st, now, evse, tx, st.conf.stop_sampled)


def _next_sample(st: State, evse: Evse, tx: Transaction) -> None:
    conf = st.conf
    if conf.sample_s <= 0.0 or (conf.sampled is None and conf.stop_sampled is None):
        evse.sample_due = inf
        return
    evse.sample_step += 1
    evse.sample_due = tx.begun + evse.sample_step * conf.sample_s


def configured(st: State, now: float) -> None:
    """Intervals or measurands changed: the next multiple that lies ahead is the next sample."""
    for evse in st.evses:
        tx = evse.tx
        if tx is not None:
            if st.conf.sample_s > 0.0:
                evse.sample_step = floor((now - tx.begun) / st.conf.sample_s)
            _next_sample(st, evse, tx)
    rearm(st)
    align(st, now)


def align(st: State, now: float) -> None:
    """The clock or the interval changed: when is the next clock-aligned reading?

    An instant is never read twice, even if the clock was put back behind it.
    """
    conf = st.conf
    wanted = conf.aligned is not None or conf.stop_aligned is not None
    if conf.aligned_s <= 0.0 or not wanted or st.registration is not Registration.ACCEPTED:
        st.aligned_due = inf
        return
    _arm_aligned(st, now, max(st.clock_zero + now, st.aligned_epoch))


def _arm_aligned(st: State, now: float, after: float) -> None:
    st.aligned_epoch_next = clock.next_aligned(after, st.conf.aligned_s)
    st.aligned_due = quirks.reaches(st, now, st.aligned_epoch_next)


def wake_aligned(st: State, now: float) -> None:
    """The clock shows a multiple: every EVSE is read."""
    due = st.aligned_due
    st.aligned_epoch = st.aligned_epoch_next
    for evse in st.evses[1:]:
        if st.conf.aligned is not None:
            idle = evse.tx is None
            event = Event.CLOCK_ALIGNED_IDLE if idle else Event.CLOCK_ALIGNED
            raise_event(st, event, now, due, evse, evse.tx)
        if evse.tx is not None:
            _record(st, now, evse, evse.tx, st.conf.stop_aligned)
    _arm_aligned(st, now, st.aligned_epoch)


def _record(st: State, now: float, evse: Evse, tx: Transaction, reading: Reading | None) -> None:
    """Keep a reading for the end of the transaction; past the limit every second one goes."""
    if reading is None:
        return
    values = reading.take(st.meter, now, evse.number)
    if not values:
        return
    if tx.data is None:
        tx.data = []
    if len(tx.data) >= st.conf.max_stop_values:
        tx.data[1:] = tx.data[2::2]
    tx.data.append(f'{{"timestamp":"{clock.iso(st.clock_zero + now)}","sampledValue":[{values}]}}')
