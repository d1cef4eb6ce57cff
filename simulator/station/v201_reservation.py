"""OCPP 2.0.1: reservations in its words (block H)."""

from __future__ import annotations

from typing import Any, Final

from simulator.station import clock, reservations
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.reservations import Reservation
from simulator.station.state import Action, Part, Request, State
from simulator.station.v201_requests import Answer, accepted, worded


def reserve_now(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ReserveNow (H01). All connectors of a station are of one type: it fits any, or none."""
    evse = payload.get("evseId")
    built = st.settings.hardware.connector
    if payload.get("connectorType", built) != built or (evse is not None and evse < 1):
        return worded("Rejected"), None
    token = payload["idToken"]
    wish = Reservation(
        payload["id"],
        evse or 0,
        clock.parse(payload["expiryDateTime"]) or 0.0,
        token["idToken"],
        token["type"],
        payload.get("groupIdToken", {}).get("idToken"),
    )
    word, afterwards = reservations.reserve(st, now, wish)
    return worded(word), afterwards


def cancel_reservation(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """CancelReservation (H02)."""
    return accepted(reservations.cancel(st, payload["reservationId"]))


def ended(st: State, now: float, call: Call) -> str:
    """ReservationStatusUpdateRequest (H04, H01.FR.16)."""
    number, why = call.about
    return f'"reservationId":{number},"reservationUpdateStatus":"{why}"'


PART: Final = Part(
    messages={
        Event.RESERVED: ("StatusNotification",),
        Event.RESERVATION_ENDED: ("ReservationStatusUpdate",),
    },
    actions={"ReservationStatusUpdate": Action(ended, reservations.told, reservations.failed)},
    requests={
        "CancelReservation": Request(cancel_reservation),
        "ReserveNow": Request(reserve_now),
    },
)
