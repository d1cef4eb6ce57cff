"""What is in the commands that are asked for: right by the schemas of each version."""

from __future__ import annotations

import pytest

from simulator.csms.commands import COMMANDS, wrong_payload
from simulator.fleet.orders import EFFECTS, Aim, preset, words
from simulator.scenario.call_model import PRESETS, STEPS

CASES = [(action, version) for action in PRESETS for version in words(action, COMMANDS)]


def aim(version: str, evse: int = 1) -> Aim:
    transaction: int | str = 7 if version == "1.6" else "T-7"
    return Aim("CP1", version, evse, 3, "TOKEN", transaction, 6000.0)


@pytest.mark.parametrize(("action", "version"), CASES)
def test_a_preset_fits_the_schema_of_its_version(action: str, version: str) -> None:
    payload = preset(action, aim(version))
    assert wrong_payload(version, words(action, COMMANDS)[version], payload) == []


def test_every_preset_is_known_to_some_version_and_every_effect_is_a_step() -> None:
    assert {action for action, _ in CASES} == set(PRESETS)
    assert set(EFFECTS) <= set(PRESETS) and set(EFFECTS.values()) <= set(STEPS)


def test_words_are_the_versions_own() -> None:
    assert words("RemoteStop", COMMANDS) == {
        "1.6": "RemoteStopTransaction",
        "2.0.1": "RequestStopTransaction",
    }
    assert words("GetVariables", COMMANDS) == {"2.0.1": "GetVariables"}
    assert words("Reset", COMMANDS) == {"1.6": "Reset", "2.0.1": "Reset"}


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_cap_replaces_the_one_before_it_at_the_same_place_only(version: str) -> None:
    def place(evse: int) -> tuple[object, object]:
        payload = preset("SetChargingProfile", aim(version, evse))
        old = version == "1.6"
        profile = payload["csChargingProfiles" if old else "chargingProfile"]
        return payload["connectorId" if old else "evseId"], profile[
            "chargingProfileId" if old else "id"
        ]

    assert place(1) == place(1) and len({place(evse)[1] for evse in (0, 1, 2)}) == 3


def test_what_stands_in_braces_is_the_versions_connector() -> None:
    assert aim("1.6", 2).values()["connector"] == "2"
    assert aim("2.0.1", 2).values()["connector"] == "1"
    assert aim("2.0.1", 0).values()["connector"] == "0"
