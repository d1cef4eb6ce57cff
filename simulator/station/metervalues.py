"""When meters are read, and what for: samples of a transaction, clock-aligned readings, records.

Sampled: every MeterValueSampleInterval from the start of the transaction (1.6 §3.16.1), due at
exact multiples however late the station is woken. Clock-aligned: at multiples from 00:00 of the
station's own clock, for every EVSE with or without a transaction (§3.16.2),
and for the main meter. Both may also be
recorded for the end of the transaction (transactionData, §3.16.5 and errata 3.14), in 2.0.1 at
intervals of their own (TxEndedInterval, J02).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from math import floor, inf
from typing import Final

from simulator.station import clock, quirks
from simulator.station.configuration import Configuration
from simulator.station.events import Event
from simulator.station.model import Evse, Registration, Transaction
from simulator.station.reading import Reading
from simulator.station.rpc import raise_event
from simulator.station.state import State
from simulator.station.statuses import rearm

MAIN_METER_FROM: Final = 2
"""Stations with as many EVSEs have a meter of their own for all of them together."""


def begin(st: State, now: float, evse: Evse, tx: Transaction) -> None:
    """A transaction begins at ``tx.begun``: first record, first sample one interval later."""
    _record(st, now, evse, tx, st.conf.stop_begin)
    evse.sample_step = evse.record_step = 0
    _arm(st, evse, tx)
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
    conf, due = st.conf, evse.sample_due
    told = _told_due(conf, evse, tx) <= due
    kept = _kept_due(conf, evse, tx) <= due
    evse.sample_step += told
    evse.record_step += kept
    _arm(st, evse, tx)
    if told:
        raise_event(st, Event.SAMPLED, now, due, evse, tx)
    if kept:
        _record(st, now, evse, tx, conf.stop_sampled)


def _told_due(conf: Configuration, evse: Evse, tx: Transaction) -> float:
    """When the next sample is due that is told at once."""
    if conf.sample_s <= 0.0 or conf.sampled is None:
        return inf
    return tx.begun + (evse.sample_step + 1) * conf.sample_s


def _kept_due(conf: Configuration, evse: Evse, tx: Transaction) -> float:
    """When the next sample is due that is kept for the end."""
    if conf.record_s <= 0.0 or conf.stop_sampled is None:
        return inf
    return tx.begun + (evse.record_step + 1) * conf.record_s


def _arm(st: State, evse: Evse, tx: Transaction) -> None:
    evse.sample_due = min(_told_due(st.conf, evse, tx), _kept_due(st.conf, evse, tx))


def configured(st: State, now: float) -> None:
    """Intervals or measurands changed: the next multiple that lies ahead is the next sample."""
    conf = st.conf
    for evse in st.evses:
        tx = evse.tx
        if tx is not None:
            if conf.sample_s > 0.0:
                evse.sample_step = floor((now - tx.begun) / conf.sample_s)
            if conf.record_s > 0.0:
                evse.record_step = floor((now - tx.begun) / conf.record_s)
            _arm(st, evse, tx)
    rearm(st)
    align(st, now)


def align(st: State, now: float) -> None:
    """The clock or the interval changed: when is the next clock-aligned reading?

    An instant is never read twice, even if the clock was put back behind it.
    """
    if st.registration is not Registration.ACCEPTED:
        st.aligned_due = inf
        return
    _arm_aligned(st, now, max(st.clock_zero + now, st.aligned_epoch))


def align_every(st: State, now: float, seconds: int | None) -> None:
    """Another interval of clock-aligned readings; None: again the one that is configured."""
    own, overrides = st.settings.parsed[st.table.version], st.conf.overrides
    st.conf = st.table.configure(st.settings, overrides) if overrides else own
    if seconds is not None:
        st.conf = copy(st.conf)
        st.conf.aligned_s = float(seconds)
    align(st, now)


def _arm_aligned(st: State, now: float, after: float) -> None:
    conf = st.conf
    due = inf
    if conf.aligned is not None and conf.aligned_s > 0.0:
        due = clock.next_aligned(after, conf.aligned_s)
    if conf.stop_aligned is not None and conf.aligned_record_s > 0.0:
        due = min(due, clock.next_aligned(after, conf.aligned_record_s))
    st.aligned_epoch_next = due
    st.aligned_due = quirks.reaches(st, now, due)


def wake_aligned(st: State, now: float) -> None:
    """The clock shows a multiple: every meter is read, to tell of it or to keep it."""
    conf, due, epoch = st.conf, st.aligned_due, st.aligned_epoch_next
    st.aligned_epoch = epoch
    told = conf.aligned is not None and _falls_on(epoch, conf.aligned_s)
    if told and conf.aligned_idle_only:
        told = all(evse.tx is None for evse in st.evses)
    kept = conf.stop_aligned is not None and _falls_on(epoch, conf.aligned_record_s)
    for evse in metered(st):
        if told:
            idle = evse.tx is None
            event = Event.CLOCK_ALIGNED_IDLE if idle else Event.CLOCK_ALIGNED
            raise_event(st, event, now, due, evse, evse.tx)
        if kept and evse.tx is not None:
            _record(st, now, evse, evse.tx, conf.stop_aligned)
    _arm_aligned(st, now, epoch)


def metered(st: State) -> Sequence[Evse]:
    """What has a meter: every EVSE, and where there are several the station as a whole, too.

    The main meter is EVSE 0 (1.6 §4.7, 2.0.1 J01.FR.03); with one EVSE it would tell the same.
    """
    return (*st.evses[1:], st.evses[0]) if st.identity.evses >= MAIN_METER_FROM else st.evses[1:]


def _falls_on(epoch_s: float, interval_s: float) -> bool:
    return interval_s > 0.0 and clock.is_aligned(epoch_s, interval_s)


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
