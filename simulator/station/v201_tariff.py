"""OCPP 2.0.1: what the CSMS says of prices and cost, in which messages (block I)."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from simulator.station import tariff
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.state import Part, Request, State
from simulator.station.v201_requests import Answer

_LONGEST: Final = 512


def cost_updated(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """CostUpdated (I02); of a transaction that does not run it changes nothing."""
    amount = _amount(payload["totalCost"])
    if amount is not None:
        tariff.running_cost(st, payload["transactionId"], amount)
    return "{}", None


def of_authorisation(st: State, call: Call, payload: dict[str, Any]) -> None:
    """A personalMessage in the answer to Authorize (I01)."""
    text = _text(payload["idTokenInfo"].get("personalMessage"))
    if text is not None and call.evse is not None and call.auth is not None:
        tariff.authorised(st, call.evse, call.auth.token, *text)


def of_event(st: State, call: Call, payload: dict[str, Any]) -> None:
    """Cost and texts in the answer to a TransactionEvent (I02, I03, I06).

    What a transaction cost that ended offline comes too late for its driver (I03.FR.03).
    """
    tx = call.tx
    assert tx is not None
    ended = call.event is Event.TRANSACTION_ENDED
    amount = _amount(payload.get("totalCost"))
    if amount is not None and not (ended and call.due < st.link_since):
        tariff.cost(st, tx, amount, final=ended)
    info = payload.get("idTokenInfo")
    for message in (
        info.get("personalMessage") if isinstance(info, dict) else None,
        payload.get("updatedPersonalMessage"),
    ):
        text = _text(message)
        if text is not None and not ended:
            tariff.updated(st, tx, *text)


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e12 and isfinite(value) else None


def _text(message: object) -> tuple[str, str] | None:
    """Content and format of a MessageContentType; None if it cannot be used."""
    if not isinstance(message, dict):
        return None
    content, form = message.get("content"), message.get("format")
    if not isinstance(content, str) or not isinstance(form, str):
        return None
    return (content, form) if 0 < len(content) <= _LONGEST else None


PART: Final = Part(requests={"CostUpdated": Request(cost_updated)})
