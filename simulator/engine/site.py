"""One site that runs: its state, the kernel that moves it, and what came of it.

Knows neither simpy nor other sites; ``world`` decides how far to advance and when.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from simulator.engine import layout
from simulator.engine.kernel import state
from simulator.engine.kernel.advance import CAPS_FULL
from simulator.engine.plan import Caps, SiteResult
from simulator.engine.policies import POLICIES
from simulator.engine.results import site_result

if TYPE_CHECKING:
    from simulator.demand.visits import Visits
    from simulator.engine.kernel.kernel import Kernel
    from simulator.scenario import SiteInstance


class SiteRun:
    """A site between its first and its last event.

    ``now_s`` is how far it has come; everything up to and including that moment has happened.
    """

    def __init__(
        self,
        visits: Visits,
        site: SiteInstance,
        duration_s: float,
        *,
        interval_s: float = 900.0,
        record_caps: Caps = "none",
        warmup_s: float = 0.0,
        kernel: Kernel | None = None,
    ) -> None:
        """``warmup_s``: the peak and the time at the limit are counted from then on."""
        if kernel is None:
            from simulator.engine.kernel.compiled import kernel as compiled_kernel

            kernel = compiled_kernel()
        self.site = site
        self.visits = visits
        self.duration_s = duration_s
        self.interval_s = interval_s
        self.now_s = 0.0
        self.kernel_s = 0.0
        self._warmup_s = warmup_s
        self.layout = layout.site_layout(site)
        self._kernel = kernel
        policy = POLICIES[site.site.policy]
        self._key = kernel.keys[policy.name]
        evses = self.layout.evses
        n = len(evses)
        layout.check_visits(visits, n)
        intervals = max(1, math.ceil(duration_s / interval_s))
        blocks = max(1, -(-n // state.BLOCK))
        self.state = state.State(
            site=layout.site_record(site.site, n, interval_s, policy.greedy, record_caps),
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
            scratch=np.zeros((8, n + 1)),
            links=np.zeros((4, n + 1), np.int64),
            nodes=np.zeros(0, state.NODE),
            phasors=np.zeros(0, state.PHASOR),
            phasor_re=np.zeros((0, state.KINDS)),
            phasor_im=np.zeros((0, state.KINDS)),
            changes=np.zeros(0, state.CHANGE),
            price=np.zeros(0),
            feed_in=np.zeros(0),
            carbon=np.zeros(0),
            evse_kwh=np.zeros((0, intervals)),
        )

    def advance(self, until_s: float) -> None:
        """Let everything happen up to and including ``until_s``, at most to the horizon."""
        if self.now_s < self._warmup_s <= until_s:
            self._advance(self._warmup_s)
            self._forget()
        self._advance(min(until_s, self.duration_s))

    def _forget(self) -> None:
        """The warm-up is over: what is counted by the way begins here.

        The peak begins at the last event before, as the kernel looks at a load between events.
        """
        record = self.state.site
        record["peak_kw"] = record["peak_s"] = 0.0
        held = record["held"] != 0
        record["limit_bound_s"] = np.where(held, record["now_s"] - self._warmup_s, 0.0)

    def _advance(self, until_s: float) -> None:
        started = time.perf_counter()
        while self._kernel.advance(*self.state, self._key, until_s) == CAPS_FULL:
            caps = self.state.caps
            more = np.zeros(len(caps) + len(self.state.evses), state.CAP)
            self.state = self.state._replace(caps=np.concatenate([caps, more]))
        self.kernel_s += time.perf_counter() - started
        self.now_s = max(self.now_s, until_s)

    def set_limit(self, limit_kw: float) -> None:
        """Put another site limit in force, from ``now_s`` on."""
        if not limit_kw >= 0.0:
            raise ValueError(f"{self.site.name}: a site limit of {limit_kw} kW")
        self.state.site["limit_kw"] = limit_kw
        self.state.site["call_s"] = self.now_s
        self.advance(self.now_s)

    @property
    def limit_kw(self) -> float:
        """The site limit in force."""
        return float(self.state.site["limit_kw"][0])

    @property
    def occupied(self) -> int:
        """EVSEs with a vehicle plugged in."""
        return len(self.state.evses) - int(self.state.site["free_evses"][0])

    @property
    def waiting(self) -> int:
        """Vehicles in the queue."""
        return int(self.state.site["queue_length"][0])

    @property
    def load_kw(self) -> float:
        """Grid-side power at ``now_s``."""
        from simulator.engine.kernel.load import total_power

        view = self.state._replace(evses=self.state.evses.view(np.recarray))
        return float(total_power(view, self.now_s))

    def result(self) -> SiteResult:
        """Advance to the horizon, close the books and read them; to be called once."""
        self.advance(self.duration_s)
        started = time.perf_counter()
        self._kernel.finish(*self.state, self.duration_s)
        self.kernel_s += time.perf_counter() - started
        return site_result(self.site, self.visits, self.layout, self.state, self.duration_s)


def simulate_site(
    visits: Visits,
    site: SiteInstance,
    duration_s: float,
    *,
    interval_s: float = 900.0,
    record_caps: Caps = "none",
    kernel: Kernel | None = None,
) -> SiteResult:
    """Run one site by itself from 0 to ``duration_s`` seconds.

    ``interval_s`` is that of the load curve; ``record_caps`` says which caps are kept. The
    kernel is compiled on first use unless one is given.
    """
    run = SiteRun(
        visits, site, duration_s, interval_s=interval_s, record_caps=record_caps, kernel=kernel
    )
    return run.result()
