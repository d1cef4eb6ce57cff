"""Every command that a CSMS may send, by version, and what is wrong with one before it is sent.

Tables and checks against the JSON schemas that the ``ocpp`` package carries; nothing is sent here.
Used by the HTTP API, by boot scripts and, for answers, by :mod:`simulator.csms.line`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final

from ocpp.messages import MessageType, get_validator

from simulator.scenario.problems import nearest, one_line, shown

COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "1.6": (
        "CancelReservation",
        "CertificateSigned",
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "ClearChargingProfile",
        "DataTransfer",
        "DeleteCertificate",
        "ExtendedTriggerMessage",
        "GetCompositeSchedule",
        "GetConfiguration",
        "GetDiagnostics",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
        "GetLog",
        "InstallCertificate",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "SetChargingProfile",
        "SignedUpdateFirmware",
        "TriggerMessage",
        "UnlockConnector",
        "UpdateFirmware",
    ),
    "2.0.1": (
        "CancelReservation",
        "CertificateSigned",
        "ChangeAvailability",
        "ClearCache",
        "ClearChargingProfile",
        "ClearDisplayMessage",
        "ClearVariableMonitoring",
        "CostUpdated",
        "CustomerInformation",
        "DataTransfer",
        "DeleteCertificate",
        "GetBaseReport",
        "GetChargingProfiles",
        "GetCompositeSchedule",
        "GetDisplayMessages",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
        "GetLog",
        "GetMonitoringReport",
        "GetReport",
        "GetTransactionStatus",
        "GetVariables",
        "InstallCertificate",
        "PublishFirmware",
        "RequestStartTransaction",
        "RequestStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "SetChargingProfile",
        "SetDisplayMessage",
        "SetMonitoringBase",
        "SetMonitoringLevel",
        "SetNetworkProfile",
        "SetVariableMonitoring",
        "SetVariables",
        "TriggerMessage",
        "UnlockConnector",
        "UnpublishFirmware",
        "UpdateFirmware",
    ),
}
"""By version, in the order of the alphabet: 26 of OCPP 1.6 with its security extension, 40 of
OCPP 2.0.1."""

_TENTHS: Final = frozenset({"SetChargingProfile", "RemoteStartTransaction", "GetCompositeSchedule"})
"""Actions of OCPP 1.6 whose schemas ask for multiples of 0.1: floats cannot tell, decimals can."""

_MOST: Final = 20
"""Mistakes reported at once."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One field of a payload that does not fit its schema."""

    field: str
    """``chargingProfile.stackLevel``, ``variables[0].component``; empty for the whole."""
    value: str | None
    """What stands there, as shown to a person (never a secret); None if nothing does."""
    expected: str
    suggestion: str | None = None

    def under(self, parent: str) -> Mistake:
        """Return the same mistake within ``parent``."""
        field = f"{parent}.{self.field}" if self.field else parent
        return Mistake(field, self.value, self.expected, self.suggestion)

    def as_json(self) -> dict[str, str]:
        """Return the mistake as JSON-able values, without what is not known."""
        said = {"field": self.field, "expected": self.expected}
        if self.value is not None:
            said["value"] = self.value
        if self.suggestion is not None:
            said["suggestion"] = self.suggestion
        return said

    def __str__(self) -> str:
        """The mistake as one line."""
        where = [self.field] if self.field else []
        return one_line(where, self.value, self.expected, self.suggestion)


def wrong_action(version: str, action: object) -> Mistake | None:
    """Return what is wrong with an action as a command of ``version``, or None."""
    known = COMMANDS[version]
    if isinstance(action, str) and action in known:
        return None
    expected = f"a command that a CSMS sends in OCPP {version}"
    return Mistake("action", shown(action), expected, nearest(action, known))


def wrong_payload(version: str, action: str, payload: object) -> list[Mistake]:
    """Return what in the payload of a command does not fit the schema of OCPP."""
    return _check(version, action, MessageType.Call, payload)


def wrong_answer(version: str, action: str, payload: object) -> list[Mistake]:
    """Return what in a station's answer to a command does not fit the schema of OCPP."""
    return _check(version, action, MessageType.CallResult, payload)


def schema(version: str, action: str) -> Any:
    """Return the JSON schema of a command's payload."""
    schema = _validator(version, action, MessageType.Call).schema
    return json.loads(json.dumps(schema, default=float))


@cache
def _validator(version: str, action: str, kind: int) -> Any:
    """Return the validator of a message, with numbers read as the check needs them."""
    exact = version == "1.6" and action in _TENTHS
    number: Any = Decimal if exact else float
    carried = get_validator(kind, action, version, parse_float=number)
    # The package keeps one validator per message, whose numbers are as its first user wanted.
    text = json.dumps(carried.schema, default=float)
    return type(carried)(json.loads(text, parse_float=number))


def _check(version: str, action: str, kind: int, payload: object) -> list[Mistake]:
    if not isinstance(payload, dict):
        return [Mistake("", shown(payload), "an object (a payload in JSON)")]
    if version == "1.6" and action in _TENTHS:
        payload = json.loads(json.dumps(payload), parse_float=Decimal)
    return mistakes(_validator(version, action, kind), payload)


def mistakes(validator: Any, value: object) -> list[Mistake]:
    """Return what a validator of ``jsonschema`` finds wrong in a value, field by field."""
    found: list[Mistake] = []
    for error in validator.iter_errors(value):
        for mistake in _mistakes(error):
            if mistake not in found:
                found.append(mistake)
        if len(found) >= _MOST:
            break
    return found


def _mistakes(error: Any) -> list[Mistake]:
    """Translate one finding of the schema's validator."""
    here = _path(error.absolute_path)
    rule, limit, given = error.validator, error.validator_value, error.instance
    if rule == "required":
        return [
            Mistake(_within(here, name), None, "this field") for name in limit if name not in given
        ]
    if rule == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        return [
            Mistake(_within(here, name), shown(given[name], name), "a field of this message", near)
            for name in given
            if name not in known
            for near in [nearest(name, known)]
        ]
    text = _EXPECTED.get(rule, "{limit}").format(limit=_limit(limit))
    last = here.rsplit(".", 1)[-1]
    near = nearest(given, limit) if rule == "enum" else None
    return [Mistake(here, shown(given, last), text if rule in _EXPECTED else error.message, near)]


def _path(parts: Iterable[str | int]) -> str:
    text = ""
    for part in parts:
        text = f"{text}[{part}]" if isinstance(part, int) else _within(text, part)
    return text


def _within(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _limit(limit: Any) -> str:
    if isinstance(limit, list):
        return ", ".join(map(str, limit))
    return str(limit)


_EXPECTED: Final[Mapping[str, str]] = {
    "type": "a value of type {limit}",
    "enum": "one of {limit}",
    "maxLength": "text of at most {limit} characters",
    "minItems": "at least {limit} of them",
    "maxItems": "at most {limit} of them",
    "minimum": "a number of {limit} or more",
    "maximum": "a number of {limit} or less",
    "exclusiveMinimum": "a number above {limit}",
    "minLength": "text of at least {limit} characters",
    "multipleOf": "a multiple of {limit}",
}
