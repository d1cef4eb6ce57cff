"""Boot scripts: what the embedded CSMS asks a station after each boot that it accepted.

A TOML file with one list of commands per version, sent in order, each after the answer to the one
before::

    [["1.6"]]
    action = "GetConfiguration"
    payload = {}

    [["2.0.1"]]
    action = "GetBaseReport"
    payload = { requestId = "{request_id}", reportBase = "FullInventory" }
    timeout_s = 60

In a payload the texts ``{station_id}`` and ``{now}`` stand for the station's identity and the
time, a value that is ``{request_id}`` for a number of its own at each use, and one that is
``{ca_root}`` for the root certificate of the CSMS's authority. Everything is checked against the
schemas of OCPP when the file is read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulator.csms.commands import COMMANDS, Mistake, wrong_action, wrong_payload
from simulator.scenario.check_embedded import shipped_boot_scripts
from simulator.scenario.document import read_toml
from simulator.scenario.problems import InputError, Problem, listed, nearest, shown

TIMEOUT_S: Final = 30.0
MOST_TIMEOUT_S: Final = 600.0
MOST_STEPS: Final = 100
"""Commands per version."""
_FIELDS: Final = ("action", "payload", "timeout_s")
_REQUEST_ID: Final = "{request_id}"
CA_ROOT: Final = "{ca_root}"
_request_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a script."""

    action: str
    payload: dict[str, Any]
    timeout_s: float = TIMEOUT_S


def read(path: Path) -> Mapping[str, tuple[Step, ...]]:
    """Read a boot script: steps by version. Raises ScenarioError with every mistake.

    A bare name that is no file here means one that ships, in ``scenarios/csms``.
    """
    label = str(path)
    if not path.exists() and path == Path(path.stem):
        shipped = shipped_boot_scripts()
        if path.stem not in shipped:
            expected = f"a file that exists, or one that ships: {listed(list(shipped))}"
            raise InputError([Problem("", "", repr(label), expected, nearest(label, shipped))])
        path = shipped[path.stem]
    document = read_toml(path, label)
    problems: list[Problem] = []
    script = {}
    for version, steps in document.items():
        if version not in COMMANDS:
            expected = f"commands for an OCPP version spoken here: {listed(list(COMMANDS))}"
            near = nearest(version, COMMANDS)
            problems.append(Problem(label, f'"{version}"', shown(steps), expected, near))
        elif not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            expected = f'a list of commands, each begun with [["{version}"]]'
            problems.append(Problem(label, f'"{version}"', shown(steps), expected))
        elif len(steps) > MOST_STEPS:
            expected = f"at most {MOST_STEPS} commands, not {len(steps)}"
            problems.append(Problem(label, f'"{version}"', None, expected))
        else:
            script[version] = tuple(
                _step(version, step, label, f'"{version}"[{index}]', problems)
                for index, step in enumerate(steps)
            )
    if not document:
        problems.append(Problem(label, "", None, 'at least one command, under [["1.6"]] or so'))
    if problems:
        raise InputError(problems)
    return script


def fill(payload: Any, station_id: str, now: str) -> Any:
    """Return a payload with what its texts in braces stand for."""
    if isinstance(payload, dict):
        return {name: fill(value, station_id, now) for name, value in payload.items()}
    if isinstance(payload, list):
        return [fill(value, station_id, now) for value in payload]
    if payload == _REQUEST_ID:
        return next(_request_ids)
    if isinstance(payload, str):
        return payload.replace("{station_id}", station_id).replace("{now}", now)
    return payload


def with_root(payload: Any, root: Callable[[], str]) -> Any:
    """Return a payload with what ``root`` gives in place of every value ``{ca_root}``."""
    if isinstance(payload, dict):
        return {name: with_root(value, root) for name, value in payload.items()}
    if isinstance(payload, list):
        return [with_root(value, root) for value in payload]
    return root() if payload == CA_ROOT else payload


def _step(
    version: str, step: dict[str, Any], label: str, where: str, problems: list[Problem]
) -> Step:
    """Check one command of a script."""

    def wrong(mistake: Mistake) -> None:
        at = f"{where}.{mistake.field}"
        problem = Problem(label, at, mistake.value, mistake.expected, mistake.suggestion)
        problems.append(problem)

    for name, value in step.items():
        if name not in _FIELDS:
            expected = f"a known field ({listed(_FIELDS)})"
            wrong(Mistake(name, shown(value, name), expected, nearest(name, _FIELDS)))
    timeout_s = step.get("timeout_s", TIMEOUT_S)
    number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    if not number or not 0 < timeout_s <= MOST_TIMEOUT_S:
        expected = f"seconds above 0, at most {MOST_TIMEOUT_S:g}"
        wrong(Mistake("timeout_s", shown(timeout_s), expected))
        timeout_s = TIMEOUT_S
    action, payload = step.get("action"), step.get("payload", {})
    mistake = (
        Mistake("action", None, "this field: the command's name")
        if action is None
        else wrong_action(version, action)
    )
    if mistake is not None:
        wrong(mistake)
        return Step("", {})
    assert isinstance(action, str)
    if (time := _time_within(payload)) is not None:
        wrong(Mistake("payload", time, 'times in quotes, as OCPP writes them, or "{now}"'))
        return Step(action, {})
    sample = fill(payload, "station", "2026-01-01T00:00:00.000Z")
    for mistake in wrong_payload(version, action, sample):
        wrong(mistake.under("payload"))
    return Step(action, payload, float(timeout_s))


def _time_within(payload: Any) -> str | None:
    """Return a value that TOML knows and JSON does not, if there is one."""
    if isinstance(payload, dict):
        payload = list(payload.values())
    if isinstance(payload, list):
        return next((found for item in payload if (found := _time_within(item))), None)
    return None if payload is None or isinstance(payload, str | int | float) else str(payload)
