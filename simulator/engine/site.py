"""One site that runs: its state, the kernel that moves it, and what came of it.

Knows neither simpy nor other sites; ``world`` decides how far to advance and when.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.engine import layout
from simulator.engine.battery import BatteryRun
from simulator.engine.costs import with_books
from simulator.engine.joining import Order
from simulator.engine.kernel import state
from simulator.engine.kernel.advance import CAPS_FULL
from simulator.engine.kernel.load import pass_time, total_power
from simulator.engine.plan import Caps, Outage, SiteResult
from simulator.engine.policies import POLICIES
from simulator.engine.results import site_result
from simulator.engine.view import SiteView, site_view

if TYPE_CHECKING:
    from simulator.demand.visits import Visits
    from simulator.engine.kernel.kernel import Kernel
    from simulator.engine.layout import F64, Records
    from simulator.engine.terms import SiteTerms
    from simulator.scenario import SiteInstance


class SiteRun:
    """A site between its first and its last event.

    ``now_s`` is how far it has come; everything up to and including that moment has happened.
    ``visits`` has one row per row of the state's visits: those that were added come last.
    """

    def __init__(
        self,
        visits: Visits,
        site: SiteInstance,
        duration_s: float,
        *,
        interval_s: float = 900.0,
        record_caps: Caps = "none",
        changes: Records | None = None,
        price: F64 | None = None,
        feed_in: F64 | None = None,
        carbon: F64 | None = None,
        record_evses: bool = False,
        terms: SiteTerms | None = None,
        warmup_s: float = 0.0,
        kernel: Kernel | None = None,
    ) -> None:
        """Lay out the site.

        ``changes`` are rows of ``state.CHANGE``, sorted by time; ``price``, ``feed_in`` are money
        per kWh drawn and given back, ``carbon`` kg per kWh, each by recording interval;
        ``record_evses`` keeps the load by EVSE and the peaks by station; ``terms`` bring prices
        and other load of their own (the price arguments are then unused) and have the books kept;
        peaks and the time at a limit are counted from ``warmup_s`` on.
        Raises ValueError for visits or arrays that the kernel cannot run on.
        """
        if kernel is None:
            from simulator.engine.kernel.compiled import kernel as compiled_kernel

            kernel = compiled_kernel()
        self.site = site
        self.visits = visits
        self.duration_s = duration_s
        self.interval_s = interval_s
        self.now_s = 0.0
        self._begun = False
        self.kernel_s = 0.0
        self.warmup_s = warmup_s
        self.layout = layout.site_layout(site)
        self.outages: list[Outage] = []
        self.base_log: list[tuple[float, float]] = []
        """When which other load was put in force by hand."""
        self.terms = terms
        self.battery: BatteryRun | None = None
        if terms is not None:
            price, feed_in, carbon = terms.price, terms.feed_in, terms.carbon
            changes = layout.merged_changes(changes, terms.changes())
            if terms.battery is not None:
                self.battery = BatteryRun(terms.battery)
        self.order: Order | None = None
        """Rows by arrival, once visits were added."""
        self._kernel = kernel
        policy = POLICIES[site.site.policy]
        self._key = kernel.keys[policy.name]
        evses = self.layout.evses
        n = len(evses)
        layout.check_visits(visits, n)
        intervals = max(1, math.ceil(duration_s / interval_s))
        blocks = max(1, -(-n // state.BLOCK))
        prices = layout.price_arrays(price, feed_in, carbon, intervals)
        self.state = state.State(
            site=layout.site_record(
                site.site, n, interval_s, policy, record_caps, self.layout.standby_kw
            ),
            stations=self.layout.stations,
            evses=evses,
            visits=layout.visit_records(visits),
            sessions=layout.session_records(len(visits)),
            knots_soc=np.ascontiguousarray(visits.curves.soc, np.float64),
            knots_kw=np.ascontiguousarray(visits.curves.kw, np.float64),
            due_s=np.full(n, math.inf),
            block_due_s=np.full(blocks, math.inf),
            load_kwh=np.zeros(intervals),
            caps=np.zeros(4 * n + 2 * len(visits) if record_caps != "none" else 0, state.CAP),
            scratch=layout.scratch(self.layout),
            links=layout.links(self.layout),
            nodes=self.layout.tree.nodes,
            phasors=self.layout.tree.phasors,
            phasor_re=self.layout.tree.phasor_re,
            phasor_im=self.layout.tree.phasor_im,
            changes=np.zeros(0, state.CHANGE),
            price=prices[0],
            feed_in=prices[1],
            carbon=prices[2],
            evse_kwh=np.zeros((n if record_evses else 0, intervals)),
        )
        self.state.site["priced"] = any(len(values) for values in prices)
        if changes is not None:
            layout.check_changes(changes, len(self.state.nodes))
            self.state = self.state._replace(changes=np.ascontiguousarray(changes))
        if len(visits):
            self.state.site["next_visit"] = 0
            self.state.site["arrive_s"] = visits.arrival_s[0]

    def advance(self, until_s: float) -> None:
        """Let everything happen up to and including ``until_s``, at most to the horizon.

        Nothing happens before 0.
        """
        if until_s < 0.0:
            return
        if self.now_s < self.warmup_s <= until_s:
            self._advance(self.warmup_s)
            self._forget()
        self._advance(min(until_s, self.duration_s))

    def _forget(self) -> None:
        """The warm-up is over: what is counted by the way begins here."""
        self.touch()
        record = self.state.site
        record["peak_kw"] = record["peak_s"] = 0.0
        record["net_peak_kw"] = record["net_peak_s"] = 0.0
        record["limit_bound_s"] = record["grid_bound_s"] = 0.0
        self.state.stations["peak_kw"] = 0.0
        self.state.nodes["bound_s"] = 0.0
        self.state.nodes["held_s"] = self.warmup_s

    def _advance(self, until_s: float) -> None:
        if self._begun and until_s <= self.now_s and self.state.site["call_s"][0] > until_s:
            return  # it has all happened, and nobody asks for a decision
        self._begun = True
        started = time.perf_counter()
        while self._kernel.advance(*self.state, self._key, until_s) == CAPS_FULL:
            self._enlarge_caps()
        self.kernel_s += time.perf_counter() - started
        self.now_s = max(self.now_s, until_s)

    def _enlarge_caps(self) -> None:
        caps = self.state.caps
        more = np.zeros(len(caps) + len(self.state.evses), state.CAP)
        self.state = self.state._replace(caps=np.concatenate([caps, more]))

    def records(self) -> state.State:
        """The state for the kernel's functions as plain Python: elements have attributes."""
        return state.State(
            *(
                array.view(np.recarray) if array.dtype.names is not None else array
                for array in self.state
            )
        )

    def touch(self) -> state.State:
        """The state, for a change at ``now_s``: what was in force until now is accounted for."""
        used = int(self.state.site["caps_length"][0])
        if self.state.site["record_caps"][0] and used + len(self.state.evses) > len(
            self.state.caps
        ):
            self._enlarge_caps()
        k = self.records()
        pass_time(k, self.now_s)
        return k

    def decide(self) -> None:
        """Have the kernel take the consequences of a change at ``now_s``."""
        self.state.site["call_s"] = self.now_s
        self.advance(self.now_s)

    def arrange(self, arrival_s: F64) -> None:
        """Put the last ``len(arrival_s)`` visits in their place in the order of arrival."""
        if self.order is None:
            self.order = Order(self.visits.arrival_s[: -len(arrival_s)])
        places = self.order.insert(arrival_s)
        self.state.visits["after"][self.order.rows[places]] = self.order.successors(places)
        following = int(np.searchsorted(self.order.arrival_s, self.now_s, side="right"))
        self.state.site["next_visit"] = self.order.rows[following]
        self.state.site["arrive_s"] = self.order.arrival_s[following]

    @property
    def limit_kw(self) -> float:
        """The limit of the grid connection in force."""
        site = self.state.site[0]
        return float(min(site["grid_kw"], site["curtail_kw"]))

    @property
    def node_names(self) -> tuple[str, ...]:
        """Names of the limits between the site's and the stations', as the kernel counts them."""
        return self.layout.tree.names

    def view(self) -> SiteView:
        """What a controller sees at ``now_s``."""
        return site_view(self.state, self.now_s)

    @property
    def occupied(self) -> int:
        """EVSEs with a vehicle plugged in."""
        return int((self.state.evses["visit"] >= 0).sum())

    @property
    def free(self) -> int:
        """EVSEs that the next driver could take: empty, in service, not reserved, with power."""
        site = self.state.site[0]
        return 0 if site["dark"] else int(site["free_evses"])

    @property
    def waiting(self) -> int:
        """Vehicles in the queue."""
        return int(self.state.site["queue_length"][0])

    @property
    def load_kw(self) -> float:
        """Grid-side power at ``now_s``."""
        return float(total_power(self.records(), self.now_s))

    def result(self) -> SiteResult:
        """Advance to the horizon, close the books and read them; to be called once."""
        self.advance(self.duration_s)
        started = time.perf_counter()
        self._kernel.finish(*self.state, self.duration_s)
        self.kernel_s += time.perf_counter() - started
        result = site_result(self)
        if self.terms is None:
            return result
        if self.battery is not None:
            self.battery.settle(self.duration_s)
        return with_books(result, self.terms, self.battery)


def simulate_site(
    visits: Visits, site: SiteInstance, duration_s: float, **options: Any
) -> SiteResult:
    """Run one site by itself from 0 to ``duration_s`` seconds.

    Options are those of :class:`SiteRun`. The kernel is compiled on first use unless one is given.
    """
    return SiteRun(visits, site, duration_s, **options).result()
