"""``[csms.embedded]`` against the rest: is it our CSMS at all, and are its files there?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.scenario import units
from simulator.scenario.problems import Problem, ScenarioError, listed, nearest
from simulator.scenario.profiles import data_folder

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables

BootScript = Callable[[Path], object]
"""Reads a boot script; raises ScenarioError with every mistake in it."""
LOC = ("csms", "embedded")
FOREIGN = 'nothing here: the target is not ours to set up (csms.url is not "embedded")'


def shipped_boot_scripts() -> dict[str, Path]:
    """Boot scripts that come with the program, by name."""
    return {path.stem: path for path in sorted((data_folder("scenarios") / "csms").glob("*.toml"))}


def boot_script_path(name: str, beside: Path) -> Path | None:
    """The file that ``on_boot`` means: one beside the scenario, or one that ships."""
    path = beside / name
    return path if os.path.isfile(path) else shipped_boot_scripts().get(name)  # noqa: PTH113


def check_embedded(
    tables: Tables, beside: Path, read_script: BootScript | None
) -> Iterator[Problem]:
    """Every problem with how our CSMS is set up; ``beside``: the folder that files stand in."""
    given = tables.get(*LOC)
    if not isinstance(given, dict):
        return
    url = tables.get("csms", "url")
    if isinstance(url, str) and url != "embedded":
        for field in given:
            yield tables.problem((*LOC, field), FOREIGN)
        return
    yield from _heartbeat(tables)
    yield from _script(tables, beside, read_script)
    yield from _database(tables, beside)


def _heartbeat(tables: Tables) -> Iterator[Problem]:
    seconds = tables.quantity(units.DURATION, *LOC, "heartbeat")
    if seconds is not None and (seconds < 1.0 or seconds != int(seconds)):
        yield tables.problem((*LOC, "heartbeat"), "whole seconds, 1 or more, as OCPP has them")


def _script(tables: Tables, beside: Path, read_script: BootScript | None) -> Iterator[Problem]:
    name = tables.get(*LOC, "on_boot")
    if not isinstance(name, str):
        return
    path = None if "\0" in name or not name else boot_script_path(name, beside)
    if path is None:
        shipped = list(shipped_boot_scripts())
        expected = f"a file that exists, or one that ships: {listed(shipped)}"
        yield tables.problem((*LOC, "on_boot"), expected, nearest(name, shipped))
        return
    try:
        if read_script is not None:
            read_script(path)
    except ScenarioError as error:
        yield from error.problems


def _database(tables: Tables, beside: Path) -> Iterator[Problem]:
    name = tables.get(*LOC, "sqlite")
    if not isinstance(name, str):
        return
    path = beside / name
    if not name.strip() or "\0" in name or os.path.isdir(path):  # noqa: PTH112
        yield tables.problem((*LOC, "sqlite"), "the name of a file")
    elif not os.path.isdir(path.parent):  # noqa: PTH112
        yield tables.problem((*LOC, "sqlite"), "a file in a folder that exists")
