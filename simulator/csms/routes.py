"""The routes of the HTTP API as a table, and the schemas of what they take.

Nothing is answered here: :mod:`simulator.csms.api` has a method for each route.
:mod:`simulator.csms.openapi` makes the document of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from simulator.csms.commands import COMMANDS
from simulator.csms.tokens import STATUSES

API_VERSION: Final = "1.0.0"
"""Of this API, not of the program: the first number changes when a caller must."""
MOST_TIMEOUT_S: Final = 600.0
MOST_ROWS: Final = 1000
ROWS: Final = 100
"""Where a query does not say."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a query."""

    name: str
    schema: Mapping[str, Any]
    about: str


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path."""

    method: str
    path: str
    """Parts in braces are parameters."""
    name: str
    """The method of :class:`simulator.csms.api.Api` that answers, and the operationId."""
    about: str
    answer: str
    """What the answer with status 200 holds."""
    query: tuple[Param, ...] = ()
    body: str | None = None
    """The schema of the body, by its name among the components."""
    errors: tuple[int, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The elements of the path."""
        return tuple(self.path.split("/")[1:])


TEXT: Final = {"type": "string"}
_BOOL: Final = {"type": "boolean"}
_VERSION: Final = {"type": "string", "enum": list(COMMANDS)}
_LIMIT: Final = Param(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": ROWS},
    "At most so many; the answer's next is the value of after for those that follow.",
)

ROUTES: Final = (
    Route("GET", "/openapi.json", "openapi", "This document.", "The document."),
    Route("GET", "/summary", "summary", "What the CSMS holds in total.", "Counters."),
    Route(
        "GET",
        "/stations",
        "stations",
        "Stations that have connected at least once, by name.",
        "stations and next.",
        (
            Param("connected", _BOOL, "Only those that are connected, or are not."),
            Param("version", _VERSION, "Only those whose last connection spoke this version."),
            Param("after", TEXT, "Only those whose name comes after this."),
            _LIMIT,
        ),
    ),
    Route(
        "GET",
        "/stations/{station}",
        "station",
        "One station: what it is, its statuses, its messages, the last of its notifications.",
        "The station.",
        errors=(404,),
    ),
    Route(
        "GET",
        "/stations/{station}/reports",
        "reports",
        "Reports of a station put together from their parts, the oldest first.",
        "reports.",
        (
            Param("action", TEXT, "Only of this message, such as NotifyReport."),
            Param("request_id", {"type": "integer"}, "Only those asked for with this requestId."),
            Param("content", {**_BOOL, "default": True}, "False leaves the content out."),
        ),
        errors=(404,),
    ),
    Route(
        "POST",
        "/stations/{station}/commands",
        "command",
        "Send a command to a station and wait for its answer.",
        "The station's answer.",
        body="Command",
        errors=(400, 404, 409, 415, 429, 502, 504),
    ),
    Route(
        "POST",
        "/broadcast",
        "broadcast",
        "Send a command to many stations at once and wait for all answers.",
        "How many of each result and status, and the first answers.",
        body="Broadcast",
        errors=(400, 415),
    ),
    Route(
        "GET",
        "/transactions",
        "transactions",
        "Transactions of both versions, by the CSMS's own number.",
        "transactions and next.",
        (
            Param("station", TEXT, "Only of this station."),
            Param("token", TEXT, "Only with this token."),
            Param("transaction_id", TEXT, "Only with this id on the wire."),
            Param("version", _VERSION, "Only of this version."),
            Param("open", _BOOL, "Only those that have not ended, or have."),
            Param("after", {"type": "integer"}, "Only those whose number comes after this."),
            _LIMIT,
        ),
    ),
    Route(
        "GET",
        "/tokens",
        "tokens",
        "The tokens that are known by name, and how any other stands.",
        "tokens, next and default.",
        (Param("after", TEXT, "Only those that come after this."), _LIMIT),
    ),
    Route(
        "PUT",
        "/tokens/{token}",
        "put_token",
        "Say how a token stands from now on.",
        "How it stands.",
        body="Standing",
        errors=(400, 415),
    ),
    Route("GET", "/commands", "commands", "Every command, by version.", "Actions by version."),
    Route(
        "GET",
        "/commands/{version}/{action}",
        "schema",
        "The JSON schema of a command's payload.",
        "The schema.",
        errors=(404,),
    ),
    Route(
        "GET",
        "/certificates",
        "certificates",
        "The certificate authority's root, and what it issued to stations, by serial number.",
        "root (PEM), issued and next.",
        (
            Param("station", TEXT, "Only of this station."),
            Param("after", TEXT, "Only those whose serial number comes after this."),
            _LIMIT,
        ),
    ),
    Route(
        "POST",
        "/certificates/{serial}/revoke",
        "revoke",
        "Revoke a certificate that the authority issued, from now on.",
        "The certificate.",
        errors=(404,),
    ),
    Route("GET", "/faults", "faults", "How the CSMS misbehaves, and what came of it.", "Faults."),
    Route(
        "POST",
        "/faults",
        "set_faults",
        "Misbehave otherwise from now on. What is not said stays as it is.",
        "How it misbehaves now.",
        body="Faults",
        errors=(400, 415),
    ),
)

_SHARE: Final = {
    "description": 'A share from 0 to 1, or text such as "1%".',
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%?\s*$"},
    ],
}
_FAULTS: Final = {
    "seed": {"type": "integer", "description": "Which calls and transactions they strike."},
    "service_time": {
        "type": "string",
        "description": "20ms, constant(20ms), exponential(20ms) by its mean, lognormal(20ms, 0.5) "
        "by its median and sigma; empty: at once. From a call's arrival to its answer.",
    },
    "drop_answers": {**_SHARE, "title": "Calls that have their effect and no answer."},
    "close_connections": {**_SHARE, "title": "Calls after which the connection is cut."},
    "call_errors": {**_SHARE, "title": "Calls without effect, answered InternalError."},
    "wrong_answers": {**_SHARE, "title": "Calls whose answer fits no schema."},
    "lose_transactions": {**_SHARE, "title": "Transactions that the database does not have."},
    "double_transactions": {**_SHARE, "title": "Transactions that it has twice."},
    "wrong_energy": {**_SHARE, "title": "Transactions whose last register is 1 kWh too high."},
    "stall": {
        "type": "string",
        "description": "Freeze the whole process once, for a time such as 1.4s, in 50 ms.",
    },
    "crash": {"type": "boolean", "description": "True: kill -9 of the own process, in 50 ms."},
}

_TIMEOUT: Final = {
    "type": "number",
    "exclusiveMinimum": 0,
    "maximum": MOST_TIMEOUT_S,
    "default": 30,
    "description": "Seconds that a station may take to answer.",
}
_COMMAND: Final = {
    "action": {
        "type": "string",
        "enum": sorted({action for actions in COMMANDS.values() for action in actions}),
        "description": "A command that the station's version has: GET /commands.",
    },
    "payload": {
        "type": "object",
        "default": {},
        "description": "As on the wire; its schema is at GET /commands/{version}/{action}. A "
        "value {ca_root} stands for the root certificate of the CSMS's authority.",
    },
    "timeout_s": _TIMEOUT,
}

SCHEMAS: Final[Mapping[str, Any]] = {
    "Command": {
        "type": "object",
        "required": ["action"],
        "additionalProperties": False,
        "properties": _COMMAND,
    },
    "Broadcast": {
        "type": "object",
        "required": ["action"],
        "additionalProperties": False,
        "properties": {
            **_COMMAND,
            "version": {**_VERSION, "description": "Only to stations that speak this version."},
            "stations": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Only to these; default: to all that are connected.",
            },
        },
    },
    "Standing": {
        "type": "object",
        "required": ["status"],
        "additionalProperties": False,
        "properties": {
            "status": {"type": "string", "enum": list(STATUSES)},
            "group": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": 20,
                "description": "groupIdToken, in OCPP 1.6 parentIdTag.",
            },
            "cache_expiry": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "cacheExpiryDateTime, in OCPP 1.6 expiryDate.",
            },
        },
    },
    "Faults": {
        "type": "object",
        "additionalProperties": False,
        "properties": _FAULTS,
    },
    "Outcome": {
        "type": "object",
        "required": ["station", "version", "action", "result", "seconds"],
        "properties": {
            "station": TEXT,
            "version": _VERSION,
            "action": TEXT,
            "result": {
                "type": "string",
                "enum": ["answered", "callerror", "invalid_answer", "timeout", "closed", "busy"],
            },
            "seconds": {"type": "number"},
            "payload": {"description": "The station's answer, as it came."},
            "error": {"type": "object", "description": "CALLERROR: code, description, details."},
            "problems": {"type": "array", "items": TEXT},
        },
    },
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": TEXT,
            "problems": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "expected"],
                    "properties": {
                        "field": TEXT,
                        "value": TEXT,
                        "expected": TEXT,
                        "suggestion": TEXT,
                    },
                },
            },
        },
    },
}
