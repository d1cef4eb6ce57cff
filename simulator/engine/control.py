"""Controllers in a run: a simpy process per site that asks its controller at every tick.

It shows the controller the site as it is (``SiteHandle.view``) and what is known of the time to
come (``outlook``), and puts its limits in force; physics, limits and policy stay the kernel's.

What a controller gives back is believed only if it is one number per EVSE. Whatever else it does
(the wrong shape, not a number, an error) is noted, and until its next tick the site runs without a
controller's limits, under its policy alone; after `MOST_FAILURES` ticks in a row the run ends with
a ControllerError. A controller that cannot serve everybody though it was told to insist ends it at
once.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.charging.controllers import CONTROLLERS, Controller, InfeasibleError, Setup
from simulator.engine.foresight import foresee
from simulator.engine.functions import load_function, told
from simulator.engine.outlook import Outlook, Steps
from simulator.scenario import Problem, ScenarioError
from simulator.scenario.check_control import option_values
from simulator.scenario.problems import listed, nearest

if TYPE_CHECKING:
    from simulator.engine.site import SiteRun
    from simulator.engine.view import SiteView
    from simulator.engine.world import SiteHandle, World
    from simulator.scenario import Scenario, SiteInstance

F64 = NDArray[np.float64]

MOST_FAILURES = 10
"""Ticks in a row without a usable answer, after which a run ends."""
DEFAULT_TICK_S = 900.0


class ControllerError(Exception):
    """A controller let the run down; the text names site, time and controller."""

    exit_code = 1


class SiteControl:
    """A site's controller in one run: asks it, judges its answers, and keeps count."""

    def __init__(
        self, site: str, name: str, ask: Controller, outlook: Outlook, start: dt.datetime
    ) -> None:
        """``name`` is what messages call the controller; ``start`` is plan time 0, local."""
        self.site = site
        self.name = name
        self.asked = 0
        self.failures = 0
        self._ask = ask
        self._outlook = outlook
        self._start = start
        self._in_a_row = 0
        self._first = ""

    def process(self, world: World) -> Generator[Any, Any, None]:
        """Ask at plan time 0 and at every tick from then on."""
        handle = world.sites[self.site]
        tick_s = self._outlook.tick_s
        for tick in range(self._outlook.ticks):
            later_s = tick * tick_s - world.env.now
            if later_s > 0.0:
                yield world.env.timeout(later_s)
            self.act(handle, tick)

    def act(self, handle: SiteHandle, tick: int) -> None:
        """Put in force what the controller says at a tick. Raises ControllerError."""
        view = handle.view()
        limits = self._answer(view, tick)
        # A vehicle that is asked to give back is meant, not whoever plugs in after it.
        limits = np.where((limits < 0.0) & ~view.occupied, math.inf, limits)
        if not np.array_equal(limits, view.control_kw):
            handle.set_controls(limits)

    def _answer(self, view: SiteView, tick: int) -> F64:
        """The controller's limits, or none."""
        self.asked += 1
        cause: BaseException | None = None
        try:
            answer = self._ask(view, self._outlook.forecast(tick, view))
            limits, fault = judged(answer, len(view.visit))
        except InfeasibleError as error:
            raise ControllerError(f"{self._when(view.now_s)}: {error}") from error
        except (Exception, SystemExit) as error:  # sys.exit() must not pass for success
            limits, fault, cause = None, told(error), error
        if limits is not None:
            self._in_a_row = 0
            return limits
        self.failures += 1
        self._in_a_row += 1
        self._first = self._first or f"first {self._when(view.now_s, name=False)}: {fault}"
        if self._in_a_row >= MOST_FAILURES:
            raise ControllerError(
                f"{self._when(view.now_s)}: no usable answer {self._in_a_row} times in a row, "
                f"the last: {fault}"
            ) from cause
        return np.full(len(view.visit), math.inf)

    def _when(self, now_s: float, *, name: bool = True) -> str:
        at = dt.datetime.fromtimestamp(self._start.timestamp() + now_s, self._start.tzinfo)
        time = f"at {at.isoformat(timespec='seconds')}"
        return f"{self.site}: controller {self.name} {time}" if name else time

    def notes(self) -> list[str]:
        """What a reader of the results must know."""
        notes = []
        if self.failures:
            notes.append(
                f"{self.site}: controller {self.name}: {self.failures} of {self.asked} answers "
                f"could not be used, and those ticks ran without its limits; {self._first}"
            )
        said = getattr(self._ask, "notes", None)
        if callable(said):
            notes += [f"{self.site}: controller {self.name}: {text}" for text in said()]
        return notes


def judged(answer: object, evses: int) -> tuple[F64 | None, str]:
    """What a controller gave back as limits; or None, and what is wrong with it."""
    expected = f"expected {evses} numbers, one limit in kW per EVSE"
    if answer is None:
        return None, f"it gave nothing back, {expected}"
    try:
        values = np.asarray(answer)
    except (ValueError, TypeError) as error:
        return None, f"{expected} ({error})"
    if values.dtype.kind not in "iuf":
        return None, f"{expected}, not {type(answer).__name__} of {values.dtype}"
    if values.shape != (evses,):
        return None, f"{expected}, not an array of shape {values.shape}"
    limits = values.astype(np.float64)
    bad = np.isnan(limits) | (limits == -math.inf)
    if bad.any():
        at = int(bad.argmax())
        return None, f"{expected}; EVSE {at} got {limits[at]} (inf is no limit)"
    return limits, ""


def site_controls(
    scenario: Scenario,
    runs: Sequence[SiteRun],
    functions: Mapping[str, Controller] | None = None,
    demand_prices: Mapping[str, float] | None = None,
    others: Mapping[str, Steps] | None = None,
) -> list[SiteControl]:
    """The controllers of all sites that have one, before the first event.

    ``functions`` are a user's own by name of the site (a name means all its copies, ``name#2`` the
    second); they stand in for the scenario's. By site: ``demand_prices`` per kW of the highest
    billing interval of a billing period, ``others`` the other load where a process puts it in
    force (see ``Outlook``).
    Raises ScenarioError for what the scenario names and cannot be had.
    """
    given = dict(functions or {})
    _check_names(given, [run.site for run in runs])
    controls = []
    for run in runs:
        site = run.site
        function = given.get(site.name, given.get(site.site.name))
        table = site.site.controller
        if function is None and table is None:
            continue
        tick_s = DEFAULT_TICK_S if table is None else table.tick
        name, ask, foresees = _controller(scenario, site, function)
        outlook = Outlook(
            scenario,
            run,
            tick_s,
            demand_price=(demand_prices or {}).get(site.name, 0.0),
            other=(others or {}).get(site.name),
            visits=foresee(run) if foresees else None,
        )
        controls.append(SiteControl(site.name, name, ask, outlook, scenario.start))
    return controls


def _check_names(given: Mapping[str, Controller], sites: Sequence[SiteInstance]) -> None:
    known = list(dict.fromkeys(name for site in sites for name in (site.site.name, site.name)))
    problems = [
        Problem("", "controllers", repr(name), f"a site: {listed(known)}", nearest(name, known))
        for name in given
        if name not in known
    ]
    problems += [
        Problem("", f"controllers.{name}", repr(function), "a function of view and forecast")
        for name, function in given.items()
        if not callable(function)
    ]
    if problems:
        raise ScenarioError(problems)


def _controller(
    scenario: Scenario, site: SiteInstance, function: Controller | None
) -> tuple[str, Controller, bool]:
    """What to call it, the controller, and whether it is shown the visits to come."""
    if function is not None:
        return getattr(function, "__name__", type(function).__name__), function, False
    table = site.site.controller
    assert table is not None
    if table.function is not None:
        where = f"sites.{site.site.name}.controller.function"
        loaded = load_function(table.function, scenario.path.parent, scenario.path.name, where)
        return table.function, loaded, False
    assert table.kind is not None
    kind = CONTROLLERS[table.kind]
    options = option_values(kind.plain_options, table.options)
    return kind.name, kind.make(Setup(table.tick, options)), kind.foresees(options)
