"""The RPC engine under every version: frames, ids, one outstanding CALL, timeouts, CALLERRORs.

Outgoing: areas raise domain events, the version table says which messages that means, and here they
wait their turn. One CALL of our own is outstanding at a time (1.6J §4.1.1); answers go at once.
Incoming: anything at all, of any size, without an exception; what cannot be read is answered as
1.6J §4.2.3 says. ``pump`` is called by ``Station`` after everything that happened.
"""

from __future__ import annotations

from functools import partial
from math import inf, isnan
from typing import Any

import msgspec

from simulator.station import diary, timers, txqueue
from simulator.station.conformance import judge_answer, judge_call
from simulator.station.effects import Send
from simulator.station.events import Event
from simulator.station.model import Authorisation, Call, Evse, Link, Registration, Transaction
from simulator.station.payloads import INTERNAL, NOT_IMPLEMENTED, NOT_SUPPORTED, Refusal
from simulator.station.ports import CallOutcome
from simulator.station.quirks import tick
from simulator.station.securitylog import record
from simulator.station.state import State
from simulator.station.waits import busy_off, busy_on, finished, mark, settle

CALL = 2
CALLRESULT = 3
CALLERROR = 4
MAX_ID = 36
UNREADABLE_ID = "-1"
_CODE_LENGTH = 64

_decode = msgspec.json.decode
_encode = msgspec.json.encode


def text(value: str) -> str:
    """A JSON string, quotes included."""
    return _encode(value).decode()


# -- calls of our own -----------------------------------------------------------------------------


def raise_event(
    st: State,
    event: Event,
    now: float,
    due: float,
    evse: Evse | None = None,
    tx: Transaction | None = None,
    auth: Authorisation | None = None,
    about: Any = None,
    late_s: float = 0.0,
) -> None:
    """Something happened: put every message that the version has for it in its lane.

    ``late_s``: it tells of this moment, but so much later.
    """
    if event not in diary.ROUTINE:
        diary.note(st, now, event.value, 0 if evse is None else evse.number)
    for action in st.table.messages.get(event, ()):
        plan(st, action, event, now, due, evse, tx, auth, about=about, late_s=late_s)


def plan(
    st: State,
    action: str,
    event: Event,
    now: float,
    due: float,
    evse: Evse | None = None,
    tx: Transaction | None = None,
    auth: Authorisation | None = None,
    urgent: bool = False,
    about: Any = None,
    late_s: float = 0.0,
) -> None:
    """Put one message in its lane. ``urgent``: transaction message or not, it is not kept."""
    tick(st, now)
    spec = st.table.actions[action]
    queued = spec.queued and not urgent
    due = min(due, now)
    call = Call(action, event, due, evse, tx, auth, queued, spec.needs_id and tx is not None, about)
    body = spec.build(st, now, call)
    if body is None:
        return
    call.body = body
    if late_s > 0.0:
        timers.at(st, due + late_s, partial(_late, call, now))
    else:
        _join(st, now, call)


def _late(call: Call, since: float, st: State, now: float, due: float) -> None:
    """The time of a message that was held back; it is history if the connection was lost since."""
    accepted = st.registration is Registration.ACCEPTED
    if st.link is Link.ONLINE and accepted and st.link_since <= since:
        call.due = due
        _join(st, now, call)


def _join(st: State, now: float, call: Call) -> None:
    """The message is due: into its lane."""
    st.orders += 1
    call.order = st.orders
    st.observer.call_planned(st.index, call.action, call.due, 1)
    mark(st, call, now)
    if call.queued:
        txqueue.push(st, call, now)
    elif st.calls is None:
        st.calls = [call]
    else:
        st.calls.append(call)


def waiting(st: State, action: str, evse: Evse | None = None) -> bool:
    """Is such a message waiting to be sent (not counting transaction messages)?"""
    return bool(st.calls) and any(
        c.action == action and c.evse is evse for c in st.calls or () if c is not st.call
    )


def pump(st: State, now: float) -> None:
    """Send the next call, if the line is free."""
    if st.call is not None or st.link is not Link.ONLINE or not st.writable_now:
        return
    call = txqueue.ready(st)
    if st.calls and (call is None or call.order <= st.backlog or st.calls[0].order < call.order):
        call = st.calls.pop(0)
        if not st.calls:
            st.calls = None
    if call is not None:
        _send(st, call, now)


def _send(st: State, call: Call, now: float) -> None:
    settle(st, call, now)
    st.sent += 1
    st.call = call
    st.call_id = mid = f"{st.settings.run_id}.{st.sent}"
    timeout = st.conf.call_timeout_s
    st.call_due = now + timeout
    busy_on(st, now)
    _spoke(st, now)
    tx = call.tx
    head = tx.wire_id if call.needs_id and tx is not None else ""
    data = f'[2,"{mid}","{call.action}",{{{head}{call.body}}}]'.encode()
    st.effects.append(Send(data, True))
    if call.lost and tx is not None:
        st.observer.transaction_message(st.index, tx.local_id, "retried", now)


def _spoke(st: State, now: float) -> None:
    """A frame leaves: the silence begins anew, which a fixed timer does not care for."""
    if not st.settings.fixed_heartbeat or st.beat_due == inf:
        st.beat_due = now + st.heartbeat_s


def written(st: State, now: float) -> None:
    """The driver put the outstanding call on the wire."""
    call = st.call
    if call is not None and isnan(call.written):
        call.written = now
        st.call_due = now + st.conf.call_timeout_s


def _take(st: State, now: float) -> Call:
    """The outstanding call is over: the line is free."""
    call = st.call
    assert call is not None
    st.call = None
    st.call_due = inf
    if st.writable_now:
        busy_off(st, now)
    return call


def time_out(st: State, now: float) -> bool:
    """No answer in time. True: drop the connection (``timeouts_before_reconnect``)."""
    at = min(now, st.call_due)
    call = _take(st, at)
    finished(st, call, CallOutcome.TIMEOUT, at)
    _given_up(st, at, call, CallOutcome.TIMEOUT)
    st.timeouts += 1
    return st.timeouts == st.settings.timeouts_before_reconnect


def _given_up(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    if call.queued:
        txqueue.failed(st, now, call, outcome)
    else:
        st.table.actions[call.action].failed(st, now, call, outcome)


def drop_calls(st: State, now: float, outcome: CallOutcome, why: str) -> None:
    """Give up every call that is not a transaction message and has not left."""
    dropped, st.calls = st.calls or (), None
    for call in dropped:
        settle(st, call, now)
        finished(st, call, outcome, now, why)
        if outcome is not CallOutcome.CENSORED:
            st.table.actions[call.action].failed(st, now, call, outcome)


def connection_lost(st: State, now: float) -> None:
    """Whatever was on the wire or waits for this connection is over."""
    st.effects = [effect for effect in st.effects if not isinstance(effect, Send)]
    st.answers = None
    txqueue.went_offline(st)
    if st.call is not None:
        call = _take(st, now)
        finished(st, call, CallOutcome.CONNECTION_LOST, now)
        if call.queued:
            txqueue.lost(st, now, call)
        else:
            st.table.actions[call.action].failed(st, now, call, CallOutcome.CONNECTION_LOST)
    busy_off(st, now)
    drop_calls(st, now, CallOutcome.SKIPPED, "offline")


def censor(st: State, now: float) -> None:
    """The run is over: everything due and not answered stays unanswered."""
    on_wire = st.call
    if on_wire is not None:
        _take(st, now)
        finished(st, on_wire, CallOutcome.CENSORED, now)
    drop_calls(st, now, CallOutcome.CENSORED, "")
    for i, call in enumerate(st.queue or ()):
        waits_for_retry = i == 0 and st.retry_due != inf
        if call is not on_wire and not waits_for_retry:
            settle(st, call, now)
            finished(st, call, CallOutcome.CENSORED, now)
    st.queue = None


# -- frames from the CSMS -------------------------------------------------------------------------


def receive(st: State, now: float, data: bytes | str) -> None:
    """One text frame came in."""
    if st.link is not Link.ONLINE:
        return
    try:
        frame = _decode(data) if len(data) <= st.settings.max_frame else "too long"
    except (ValueError, RecursionError):
        frame = "not JSON"
    if type(frame) is list and len(frame) >= 2 and type(frame[0]) is int:
        kind = frame[0]
        if kind in (CALLRESULT, CALLERROR):
            _on_answer(st, now, kind, frame)
        elif kind == CALL:
            _on_call(st, now, frame)
        else:
            st.observer.violation(st.index, "malformed", f"message type {str(kind)[:20]}", now)
            if st.table.unknown_type is not None:
                mid = _id(frame[1])
                _refuse(st, now, mid, "?", st.table.unknown_type, "unknown message type")
        return
    why = frame if type(frame) is str else "not a frame"
    st.observer.violation(st.index, "malformed", why[:20], now)
    record(st, now, "InvalidMessages", why[:20])
    _refuse(st, now, UNREADABLE_ID, "?", st.table.formation, "not an OCPP-J message")


def _on_answer(st: State, now: float, kind: int, frame: list[Any]) -> None:
    call = st.call
    if call is None or frame[1] != st.call_id:
        st.observer.violation(st.index, "unknown_id", f"type {kind}", now)
        return
    _take(st, now)
    st.timeouts = 0
    st.link_failures = 0
    if isnan(call.written):
        call.written = now
    if kind == CALLERROR:
        code = frame[2][:_CODE_LENGTH] if len(frame) > 2 and isinstance(frame[2], str) else ""
        if not code:
            st.observer.violation(st.index, "malformed", "CALLERROR without a code", now)
        finished(st, call, CallOutcome.CALLERROR, now, code or "?")
        _given_up(st, now, call, CallOutcome.CALLERROR)
        return
    finished(st, call, CallOutcome.ANSWERED, now)
    payload = frame[2] if len(frame) == 3 else "missing"
    if payload is None:
        payload = {}
    useful = isinstance(payload, dict) and st.table.actions[call.action].answered(
        st, now, call, payload
    )
    judge_answer(st, now, call, payload, useful)
    if call.queued:
        txqueue.answered(st, now, call, useful)
    elif not useful:
        st.table.actions[call.action].failed(st, now, call, CallOutcome.ANSWERED)


def _on_call(st: State, now: float, frame: list[Any]) -> None:
    if st.registration is Registration.REJECTED:
        # 1.6 §4.2: a rejected station does not respond; 2.0.1 B03.FR.08: SecurityError.
        st.observer.violation(st.index, "forbidden", "CALL to a rejected station", now)
        if st.table.rejected is not None:
            frame_ = f'[4,{text(_id(frame[1]))},"{st.table.rejected}","not accepted",{{}}]'
            _answer(st, now, frame_.encode())
        return
    mid = _id(frame[1])
    if len(frame) != 4 or mid is not frame[1] or not isinstance(frame[2], str):
        st.observer.violation(st.index, "malformed", "CALL of the wrong form", now)
        short = len(frame) < 4 and mid is frame[1]
        code = st.table.incomplete if short else st.table.formation
        _refuse(st, now, mid, "?", code, "not a CALL")
        return
    if mid == st.heard:
        record(st, now, "AttemptedReplayAttacks", frame[2])
    st.heard = mid
    action = frame[2]
    request = st.table.requests.get(action)
    if request is None:
        if action in st.table.unsupported:
            _refuse(st, now, mid, action, NOT_SUPPORTED, f"{action} is not supported")
        else:
            st.observer.violation(st.index, "unknown_action", action[:_CODE_LENGTH], now)
            _refuse(st, now, mid, "?", NOT_IMPLEMENTED, "unknown action")
        return
    try:
        payload = {} if frame[3] is None else frame[3]  # 1.6J §4.2.1
        judge_call(st, now, action, payload)
        response, afterwards = request.handle(st, now, payload)
    except Refusal as refusal:
        _refuse(st, now, mid, action, refusal.code, refusal.text)
        return
    except Exception as error:  # the specification's own answer to a fault of ours
        _refuse(st, now, mid, action, INTERNAL, type(error).__name__)
        return
    if _answer(st, now, f"[3,{text(mid)},{response}]".encode()):
        st.observer.call_served(st.index, action, now, now, "")
    if afterwards is not None:
        afterwards(st, now)


def _id(value: object) -> str:
    """The message id of a frame, or what stands for one that cannot be read."""
    readable = isinstance(value, str) and 0 < len(value) <= MAX_ID
    return value if readable and isinstance(value, str) else UNREADABLE_ID


def _refuse(st: State, now: float, mid: str, action: str, code: str, why: str) -> None:
    if st.registration is Registration.REJECTED:
        return
    frame = f'[4,{text(mid)},"{code}",{text(why[:255])},{{}}]'.encode()
    if _answer(st, now, frame):
        st.observer.call_served(st.index, action, now, now, code)


def _answer(st: State, now: float, data: bytes) -> bool:
    """Answers go before anything else; while the socket is full a few are kept."""
    if st.writable_now:
        _spoke(st, now)
        st.effects.append(Send(data, False))
        return True
    if st.answers is None:
        st.answers = []
    if len(st.answers) >= st.settings.max_answers:
        st.observer.violation(st.index, "flood", "answers are not read", now)
        return False
    st.answers.append(data)
    return True


def writable(st: State, now: float, yes: bool) -> None:
    """The socket takes frames again, or no longer."""
    st.writable_now = yes
    if not yes:
        busy_on(st, now)
        return
    if st.call is None:
        busy_off(st, now)
    answers, st.answers = st.answers or (), None
    for data in answers:
        _answer(st, now, data)
