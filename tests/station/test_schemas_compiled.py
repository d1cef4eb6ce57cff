"""The compiled checks say what the official JSON schemas say, for every message there is."""

from __future__ import annotations

import copy
from importlib.resources import files

import pytest
from jsonschema import Draft4Validator, Draft6Validator

from simulator.station.schemas import Fault, document, schema

PACKAGES = {"1.6": "ocpp.v16", "2.0.1": "ocpp.v201"}
NAMES = sorted(
    (version, path.name.removesuffix(".json").removesuffix("Request"))
    for version, package in PACKAGES.items()
    for path in (files(package) / "schemas").iterdir()
    if path.name.endswith(".json")
)


def official(version, name):
    kind = Draft4Validator if version == "1.6" else Draft6Validator
    return kind(document(version, name))


def resolved(node, of):
    while "$ref" in node:
        node = of["definitions"][node["$ref"].rpartition("/")[2]]
    return node


def example(node, of, fill, depth=0):
    """The least instance of a schema, or with ``fill`` one that has every field."""
    node = resolved(node, of)
    kind = node.get("type")
    if "enum" in node:
        return node["enum"][0]
    if kind == "object":
        wanted = node.get("properties", {}) if fill and depth < 4 else node.get("required", ())
        return {name: example(node["properties"][name], of, fill, depth + 1) for name in wanted}
    if kind == "array":
        return [example(node["items"], of, fill, depth + 1)] * max(node.get("minItems", 0), 1)
    if kind == "string":
        return "2026-06-01T06:00:00Z" if node.get("format") == "date-time" else "x"
    if kind in ("integer", "number"):
        return int(max(node.get("minimum", 0), 0))
    return True


def spoiled(value, node, of):
    """Everything that can be made wrong in one place: (instance, kind of fault)."""
    node = resolved(node, of)
    kind = node.get("type")
    if kind == "object":
        yield 5, None
        for name in node.get("required", ()):
            less = dict(value)
            del less[name]
            yield less, Fault.MISSING
        if node.get("additionalProperties", True) is False:
            yield {**value, "surplus": 1}, Fault.SHAPE
        for name in value:
            for wrong, fault in spoiled(value[name], node["properties"][name], of):
                yield {**value, name: wrong}, fault
    elif kind == "array":
        yield "text", Fault.TYPE
        if "maxItems" in node:
            yield value[:1] * (node["maxItems"] + 1), Fault.COUNT
        if node.get("minItems", 0) > 0:
            yield [], Fault.COUNT
        for wrong, fault in spoiled(value[0], node["items"], of):
            yield [wrong, *value[1:]], fault
    elif kind == "string":
        yield 5, Fault.TYPE
        if "maxLength" in node:
            yield "x" * (node["maxLength"] + 1), Fault.VALUE
        if "enum" in node:
            yield "none of them", Fault.VALUE
    elif kind in ("integer", "number"):
        yield "5", Fault.TYPE
        yield True, Fault.TYPE
        if "maximum" in node:
            yield type(value)(node["maximum"]) + 1, Fault.VALUE
        if "minimum" in node:
            yield type(value)(node["minimum"]) - 1, Fault.VALUE
    elif kind == "boolean":
        yield "true", Fault.TYPE


def test_every_schema_of_the_package_is_tried():
    assert len(NAMES) == 78 + 128


@pytest.mark.parametrize(("version", "name"), NAMES, ids=str)
def test_what_the_schema_takes_is_taken_and_what_it_refuses_refused(version, name):
    of = document(version, name)
    check, judge = schema(version, name), official(version, name)
    for fill in (False, True):
        sound = example(of, of, fill)
        assert judge.is_valid(sound) and check.misfit(sound) is None
        for wrong, fault in spoiled(copy.deepcopy(sound), of, of):
            found = check.misfit(wrong)
            assert found is not None and not judge.is_valid(wrong), wrong
            if fault is not None:
                assert found.fault is fault, (wrong, found)


def test_a_misfit_says_where_and_what_was_expected():
    check = schema("2.0.1", "SetVariables")
    data = {"attributeValue": 5, "component": {"name": "c"}, "variable": {"name": "v"}}
    assert check.misfit({"setVariableData": [data]}) == (
        Fault.TYPE,
        "attributeValue is not text",
    )
    assert check.misfit([]) == (Fault.SHAPE, "the payload is not an object")


def test_numbers_have_64_bits():
    check = schema("2.0.1", "GetCompositeSchedule")
    assert check.misfit({"duration": 2**63, "evseId": 1}) is None
    found = check.misfit({"duration": 10**400, "evseId": 1})
    assert found is not None and found.fault is Fault.VALUE


def test_dates_must_be_dates():
    found = schema("1.6", "ReserveNow").misfit(
        {"connectorId": 1, "expiryDate": "tomorrow", "idTag": "T", "reservationId": 1}
    )
    assert found is not None and found.fault is Fault.VALUE


def test_a_message_that_the_version_does_not_have_has_no_schema():
    with pytest.raises(FileNotFoundError):
        schema("1.6", "TransactionEvent")
