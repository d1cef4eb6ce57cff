"""A process of the user's own, out of a file named in the scenario.

``function = "mine.py:maintenance"`` is called as ``maintenance(world)`` when the run begins, with
the keyword arguments of ``arguments`` if there are any; it has to be a generator, as
``engine.world`` describes. Where the event names sites, ``world.sites`` holds those alone. The file
is relative to the scenario's and runs as any program of the user's does: with all rights.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.scenario.options import Option, Options

if TYPE_CHECKING:
    from simulator.engine.events import Event

NAME = "python"
SUMMARY = "A process of your own."
OPTIONS: Options = {
    "function": Option("function", 'file and function, such as "mine.py:maintenance"'),
    "arguments": Option("table", "keyword arguments for it", optional=True),
}


def processes(event: Event) -> Iterator[Generator[Any, Any, Any]]:
    """The user's process, with a world of the sites that the event names."""
    function = load(event.scenario.path.parent, event.options["function"])
    sites = {place.name: place.handle for place in event.places}
    made = function(replace(event.world, sites=sites), **(event.options["arguments"] or {}))
    if not inspect.isgenerator(made):
        raise TypeError(
            f"{event.options['function']}: expected a generator (a function that says `yield`),"
            f" not {type(made).__name__}"
        )
    yield made


def load(folder: Path, text: str) -> Callable[..., Any]:
    """The function that ``file.py:name`` means; runs the file.

    Raises whatever the file raises, AttributeError if the name is not there any more.
    """
    file, _, name = text.rpartition(":")
    path = folder / file
    spec = importlib.util.spec_from_file_location(f"chargeswarm_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Any] = getattr(module, name)
    return found
