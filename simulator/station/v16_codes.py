"""The error codes of CALLERRORs as OCPP 1.6 spells them (1.6J §4.2.3)."""

from __future__ import annotations

from typing import Final

from simulator.station.schemas import Fault

FORMATION: Final = "FormationViolation"
PROTOCOL: Final = "ProtocolError"
PROPERTY: Final = "PropertyConstraintViolation"
OCCURRENCE: Final = "OccurenceConstraintViolation"
"""[sic]: the specification's own spelling, kept because it is what goes over the wire."""

CODES: Final = {
    Fault.SHAPE: FORMATION,
    Fault.MISSING: PROTOCOL,
    Fault.TYPE: "TypeConstraintViolation",
    Fault.VALUE: PROPERTY,
    Fault.COUNT: OCCURRENCE,
}
