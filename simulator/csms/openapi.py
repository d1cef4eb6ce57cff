"""The OpenAPI document of the HTTP API, made from the table of its routes.

The document cannot promise what the table does not have. Answered by :mod:`simulator.csms.api`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from simulator.csms.routes import API_VERSION, ROUTES, SCHEMAS, TEXT, Route

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
        *({"name": name, "in": "path", "required": True, "schema": TEXT} for name in named),
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
