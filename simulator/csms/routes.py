"""The routes of the HTTP API as a table, and the OpenAPI document made from it.

Nothing is answered here: :mod:`simulator.csms.api` has a method for each route. The document cannot
promise what the table does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.csms.commands import COMMANDS
from simulator.csms.tokens import STATUSES

API_VERSION: Final = "1.0.0"
"""Of this API, not of the program: the first number changes when a caller must."""
MOST_TIMEOUT_S: Final = 600.0
MOST_ROWS: Final = 1000


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


_TEXT: Final = {"type": "string"}
_BOOL: Final = {"type": "boolean"}
_VERSION: Final = {"type": "string", "enum": list(COMMANDS)}
_LIMIT: Final = Param(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 100},
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
            Param("after", _TEXT, "Only those whose name comes after this."),
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
            Param("action", _TEXT, "Only of this message, such as NotifyReport."),
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
            Param("station", _TEXT, "Only of this station."),
            Param("token", _TEXT, "Only with this token."),
            Param("transaction_id", _TEXT, "Only with this id on the wire."),
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
        (Param("after", _TEXT, "Only those that come after this."), _LIMIT),
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
)

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
        "description": "As on the wire; its schema is at GET /commands/{version}/{action}.",
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
    "Outcome": {
        "type": "object",
        "required": ["station", "version", "action", "result", "seconds"],
        "properties": {
            "station": _TEXT,
            "version": _VERSION,
            "action": _TEXT,
            "result": {
                "type": "string",
                "enum": ["answered", "callerror", "invalid_answer", "timeout", "closed", "busy"],
            },
            "seconds": {"type": "number"},
            "payload": {"description": "The station's answer, as it came."},
            "error": {"type": "object", "description": "CALLERROR: code, description, details."},
            "problems": {"type": "array", "items": _TEXT},
        },
    },
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": _TEXT,
            "problems": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "expected"],
                    "properties": {
                        "field": _TEXT,
                        "value": _TEXT,
                        "expected": _TEXT,
                        "suggestion": _TEXT,
                    },
                },
            },
        },
    },
}

_ERRORS: Final = {
    400: "The request is wrong; problems name the fields.",
    404: "Nothing of that name is known.",
    409: "The station is not connected, or went while the command waited (result closed).",
    415: "The body is not declared as application/json.",
    429: "Too many commands wait for this station (result busy).",
    502: "The station answered CALLERROR (result callerror) or against its schema "
    "(result invalid_answer).",
    504: "The station did not answer in time (result timeout).",
}
_OUTCOMES: Final = (200, 429, 502, 504)


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "chargeswarm: the embedded CSMS",
            "version": API_VERSION,
            "description": "Commands to the stations that are connected to a test target, and "
            "what it knows of them. It has no users and no TLS: keep it on loopback.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": dict(SCHEMAS)},
    }


def _operation(route: Route) -> dict[str, Any]:
    """Return what the document says of one route."""
    said: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.about,
        "responses": {"200": _response(route, 200, route.answer)},
    }
    named = [part[1:-1] for part in route.parts if part.startswith("{")]
    parameters: Sequence[dict[str, Any]] = [
        *({"name": name, "in": "path", "required": True, "schema": _TEXT} for name in named),
        *(
            {"name": p.name, "in": "query", "schema": dict(p.schema), "description": p.about}
            for p in route.query
        ),
    ]
    if parameters:
        said["parameters"] = parameters
    if route.body is not None:
        said["requestBody"] = {"required": True, "content": _json(route.body)}
    errors = {*route.errors, *([400] if route.query else [])}
    for status in sorted(errors):
        said["responses"][str(status)] = _response(route, status, _ERRORS[status])
    return said


def _response(route: Route, status: int, about: str) -> dict[str, Any]:
    if route.name == "command" and status in _OUTCOMES:
        return {"description": about, "content": _json("Outcome")}
    if status == 200:
        content = {"application/json": {"schema": {"type": "object"}}}
        return {"description": about, "content": content}
    if route.name == "command" and status == 409:
        either = [_ref("Outcome"), _ref("Error")]
        return {
            "description": about,
            "content": {"application/json": {"schema": {"anyOf": either}}},
        }
    return {"description": about, "content": _json("Error")}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(name)}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
