"""A process of the user's own, out of a file named in the scenario.

``function = "mine.py:maintenance"`` is called as ``maintenance(world)`` when the run begins, with
the keyword arguments of ``arguments`` if there are any; it has to be a generator, as
``engine.world`` describes. Where the event names sites, ``world.sites`` holds those alone. The file
is relative to the scenario's and runs as any program of the user's does: with all rights.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.engine.functions import load_function, told
from simulator.scenario.options import Option, Options
from simulator.scenario.problems import Problem, ScenarioError

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
    yield _process(event)


def _process(event: Event) -> Generator[Any, Any, None]:
    """Run it; whatever it raises is a ScenarioError that says where, with its own as the cause."""
    path, named = event.scenario.path, event.options["function"]
    numbers = [n for n, table in enumerate(event.scenario.file.events) if table.kind == NAME]
    where = f"events[{numbers[event.number]}].options.function"
    function = load_function(named, path.parent, path.name, where)

    def wrong(expected: str) -> ScenarioError:
        return ScenarioError([Problem(path.name, where, repr(named), expected)])

    sites = {place.name: place.handle for place in event.places}
    try:
        made = function(replace(event.world, sites=sites), **(event.options["arguments"] or {}))
        if inspect.isgenerator(made):
            yield from _checked(made)
            return
    except (Exception, SystemExit) as error:  # a sys.exit() of the user's must not pass for success
        expected = f"a process that runs ({told(error)}; plan time {event.world.env.now:g} s)"
        raise wrong(expected) from error
    raise wrong(f"a function that says `yield` (a generator), not one that gives {made!r}")


def _checked(made: Generator[Any, Any, Any]) -> Generator[Any, Any, None]:
    """The same process; a number where an event should be waited for is told to the user."""
    resume: Callable[[], Any] = functools.partial(next, made)
    while True:
        try:
            awaited = resume()
        except StopIteration:
            return
        if not hasattr(awaited, "callbacks"):
            raise TypeError(f"yields {awaited!r}, not world.env.timeout(seconds) or the like")
        try:
            resume = functools.partial(made.send, (yield awaited))
        except Exception as error:
            resume = functools.partial(made.throw, error)
