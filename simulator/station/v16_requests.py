"""OCPP 1.6: what the CSMS may ask, in which form, and how the station answers.

A handler returns the answer and what to do after it: the answer is always on its way first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from simulator.station import (
    credentials,
    firmware,
    heartbeat,
    logs,
    metervalues,
    notices,
    remote,
    reset,
    v16_profiles,
    v16_security,
)
from simulator.station.configuration import Key, refuse, split
from simulator.station.events import Event
from simulator.station.model import Registration
from simulator.station.payloads import Refusal
from simulator.station.rpc import text
from simulator.station.state import Afterwards, Request, State
from simulator.station.v16_codes import OCCURRENCE, PROPERTY
from simulator.station.v16_firmware import unsigned_progress
from simulator.station.v16_keys import (
    AUTHORIZATION_KEY,
    HEARTBEAT_INTERVAL,
    KEYS,
    MAX_KEYS,
    NUMBER_OF_CONNECTORS,
    PHASE_ROTATION,
    PHASE_ROTATION_MOST,
    SECURITY_PROFILE,
    UNLOCKS,
    configure,
)

Answer = tuple[str, Afterwards | None]
TRIGGERS: Final = {
    "BootNotification": Event.BOOT,
    "Heartbeat": Event.HEARTBEAT,
    "MeterValues": Event.TRIGGERED,
    "StatusNotification": Event.TRIGGERED,
}


def connector(payload: dict[str, Any], least: int) -> int | None:
    """The ``connectorId`` of a request, if it has one; a negative one is no connector at all."""
    number: int | None = payload.get("connectorId")
    if number is not None and number < least:
        raise Refusal(PROPERTY, f"connectorId is less than {least}")
    return number


def worded(word: str) -> str:
    """An answer that is nothing but a status."""
    return f'{{"status":"{word}"}}'


def accepted(afterwards: Afterwards | None) -> Answer:
    """Accepted if there is something to do, else Rejected."""
    return worded("Accepted" if afterwards is not None else "Rejected"), afterwards


def _not_while_pending(st: State, action: str, now: float) -> None:
    if st.registration is Registration.PENDING:
        st.observer.violation(st.index, "forbidden", f"{action} while Pending", now)


def remote_start(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """RemoteStartTransaction (§5.11); one with a charging profile that is no good is Rejected."""
    _not_while_pending(st, "RemoteStartTransaction", now)
    number, profile = connector(payload, 1), None
    if "chargingProfile" in payload:
        profile = v16_profiles.read(payload["chargingProfile"])
        if v16_profiles.unfit_to_start(st, number, profile):
            return accepted(None)
    return accepted(remote.start(st, now, number, payload["idTag"], profile))


def remote_stop(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """RemoteStopTransaction (§5.12)."""
    _not_while_pending(st, "RemoteStopTransaction", now)
    return accepted(remote.stop(st, payload["transactionId"]))


def unlock(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """UnlockConnector (§5.18); an unknown connector is NotSupported (errata 3.87).

    So is one whose cable belongs to the station: it has no lock (§7.46).
    """
    if st.settings.hardware.fixed_cable:
        return worded("NotSupported"), None
    known, afterwards = remote.unlock(st, payload["connectorId"])
    return worded("Unlocked" if known else "NotSupported"), afterwards


def change_availability(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ChangeAvailability (§5.2)."""
    operative = payload["type"] == "Operative"
    word, afterwards = remote.availability(st, connector(payload, 0) or 0, operative)
    return worded(word), afterwards


def reset_station(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """Reset (§5.14); not while firmware is being written."""
    if firmware.installing(st):
        return accepted(None)
    return accepted(partial(_reset, payload["type"] == "Hard"))


def _reset(hard: bool, st: State, now: float) -> None:
    if hard and st.resetting == "soft":
        st.reset_due = now  # what the soft one waits for does not matter any more
    reset.begin(st, now, hard)


def trigger(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """TriggerMessage (§5.17); what is unknown or not implemented is NotImplemented."""
    action = payload["requestedMessage"]
    if action == "FirmwareStatusNotification":
        told = unsigned_progress(st)
        return accepted(notices.trigger(st, action, Event.FIRMWARE, told))
    if action == "DiagnosticsStatusNotification":
        progress = logs.last(st, Event.DIAGNOSTICS)
        return accepted(notices.trigger(st, action, Event.DIAGNOSTICS, progress))
    event = TRIGGERS.get(action)
    if event is None:
        return worded("NotImplemented"), None
    if action == "MeterValues" and st.conf.trigger is None:
        return accepted(None)  # there is nothing to tell
    return accepted(remote.trigger(st, action, event, connector(payload, 0)))


def extended_trigger(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ExtendedTriggerMessage (whitepaper §5.5): TriggerMessage, and what the whitepaper has."""
    action = payload["requestedMessage"]
    if action == "SignChargePointCertificate":
        return accepted(v16_security.ask(st))
    if action == "FirmwareStatusNotification":
        return accepted(v16_security.signed_firmware(st))
    if action == "LogStatusNotification":
        return accepted(notices.trigger(st, action, Event.LOG, logs.last(st, Event.LOG)))
    return trigger(st, now, payload)


def get_configuration(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetConfiguration (§5.8): all keys when none is asked for."""
    if len(payload.get("key", ())) > MAX_KEYS:
        raise Refusal(OCCURRENCE, f"key has more than {MAX_KEYS} items")
    wanted = payload.get("key") or [key.name for key in KEYS.values()]
    known, unknown = [], []
    for name in wanted:
        key = KEYS.get(name.lower())
        if key is None:
            unknown.append(text(name))
            continue
        readonly = "false" if _writable(st, key) else "true"
        value = "" if key.secret else f',"value":{text(_value(st, key.name))}'
        known.append(f'{{"key":"{key.name}","readonly":{readonly}{value}}}')
    rest = f',"unknownKey":[{",".join(unknown)}]' if unknown else ""
    return f'{{"configurationKey":[{",".join(known)}]{rest}}}', None


def _writable(st: State, key: Key) -> bool:
    """A fixed cable is never unlocked (errata 3.84)."""
    return key.writable and not (key.name == UNLOCKS and st.settings.hardware.fixed_cable)


def _value(st: State, name: str) -> str:
    if name == UNLOCKS and st.settings.hardware.fixed_cable:
        return "false"
    if name == NUMBER_OF_CONNECTORS:
        return str(st.identity.evses)
    if name == PHASE_ROTATION_MOST:
        return str(st.identity.evses + 1)
    if name == HEARTBEAT_INTERVAL:
        return str(round(st.heartbeat_s)) if st.heartbeat_s < 1e9 else "0"
    return st.conf.values[name]


def change_configuration(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ChangeConfiguration (§5.3)."""
    key = KEYS.get(payload["key"].lower())
    if key is None:
        return worded("Accepted" if st.settings.accepts_unknown_keys else "NotSupported"), None
    value: str = payload["value"].strip()
    if not _writable(st, key) or refuse(key, value, st.settings) or _unfit(st, key, value):
        return worded("Rejected"), None
    before = st.conf.overrides
    st.conf = configure(st.settings, {**before, key.name: value})
    if key.name == HEARTBEAT_INTERVAL:
        heartbeat.set_interval(st, float(value))
    metervalues.configured(st, now)
    return worded("RebootRequired" if key.reboot else "Accepted"), _securing(key, before)


def _unfit(st: State, key: Key, value: str) -> bool:
    """What a value cannot be for this station, at this moment."""
    if key.name == PHASE_ROTATION:
        places = [int(item.partition(".")[0]) for item in split(value)]
        return len(set(places)) < len(places) or max(places) > st.identity.evses
    if key.name != SECURITY_PROFILE:
        return False
    return not credentials.can_raise(st, int(value))  # whitepaper A05.FR.01-04


def _securing(key: Key, before: Mapping[str, str]) -> Afterwards | None:
    """What follows a change of what secures the connection, once it is answered."""
    if key.name == AUTHORIZATION_KEY:
        return credentials.password_changed
    return partial(credentials.profile_raised, before) if key.name == SECURITY_PROFILE else None


REQUESTS: Final = {
    "ChangeAvailability": Request(change_availability),
    "ChangeConfiguration": Request(change_configuration),
    "ExtendedTriggerMessage": Request(extended_trigger, open=frozenset({"requestedMessage"})),
    "GetConfiguration": Request(get_configuration),
    "RemoteStartTransaction": Request(remote_start),
    "RemoteStopTransaction": Request(remote_stop),
    "Reset": Request(reset_station),
    "TriggerMessage": Request(trigger, open=frozenset({"requestedMessage"})),
    "UnlockConnector": Request(unlock),
}
