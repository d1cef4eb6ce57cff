"""The error codes of CALLERRORs as OCPP 2.0.1 spells them (part 4 §4.3)."""

from __future__ import annotations

from typing import Final

from simulator.station.schemas import Fault

FORMAT: Final = "FormatViolation"
PROPERTY: Final = "PropertyConstraintViolation"
GENERIC: Final = "GenericError"
OCCURRENCE: Final = "OccurrenceConstraintViolation"
UNKNOWN_TYPE: Final = "MessageTypeNotSupported"
SECURITY: Final = "SecurityError"

CODES: Final = {
    Fault.SHAPE: FORMAT,
    Fault.MISSING: OCCURRENCE,
    Fault.TYPE: "TypeConstraintViolation",
    Fault.VALUE: PROPERTY,
    Fault.COUNT: OCCURRENCE,
}
