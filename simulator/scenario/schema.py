"""JSON Schema of a scenario file, for editors that complete and check TOML.

It describes what people write (text with units), not what the program computes with. It cannot
see other files, so it accepts any profile name but offers the shipped ones.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from simulator.scenario import units
from simulator.scenario.loader import POLICIES
from simulator.scenario.model import ScenarioFile
from simulator.scenario.profiles import names

_QUANTITIES = {
    kind.name: kind
    for kind in (units.POWER, units.ENERGY, units.CURRENT, units.DURATION, units.RATE)
}


def json_schema(
    policies: Collection[str] = POLICIES, events: Collection[str] = ()
) -> dict[str, Any]:
    """The schema (draft 2020-12) of a scenario file; ``events``: the kinds that there are."""
    schema = ScenarioFile.model_json_schema(by_alias=True)
    shipped = {kind: names(kind) for kind in ("arrivals", "vehicles", "stations")}
    words = {"x-policy": list(policies), "x-event": list(events)}
    resolved = _resolve(schema, shipped, words)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **resolved,
        "title": "chargeswarm scenario",
    }


def _resolve(node: Any, shipped: dict[str, list[str]], words: dict[str, list[str]]) -> Any:
    """Fill in names; drop titles, and the null that TOML does not have."""
    if isinstance(node, list):
        return [_resolve(item, shipped, words) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _resolve(value, shipped, words) for key, value in node.items()}
    if isinstance(result.get("title"), str):
        del result["title"]
    kind = result.pop("x-profile", None)
    if kind is not None:
        result.pop("type", None)
        result["anyOf"] = [{"enum": shipped.get(kind, [])}, {"type": "string"}]
    for mark, known in words.items():
        if result.pop(mark, None) and known:
            result["enum"] = known
    quantity = result.pop("x-quantity", None)
    if quantity is not None and isinstance(result.get("default"), float):
        result["default"] = units.text(_QUANTITIES[quantity], result["default"])
    if "anyOf" in result:
        options = [option for option in result["anyOf"] if option != {"type": "null"}]
        if len(options) == 1:
            del result["anyOf"]
            result = {**options[0], **result}
        else:
            result["anyOf"] = options
    if "default" in result and result["default"] is None:
        del result["default"]
    return result
