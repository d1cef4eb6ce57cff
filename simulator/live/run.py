"""``run_live``: a live run from scenario to run folder, in the parent. Glue without rules.

No event loop here, so that it works inside a notebook: shards are processes, spoken to through
pipes and threads. The live counterpart of ``simulator.simulation``.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.csms import CsmsOptions
from simulator.csms.process import CsmsProcessError, EmbeddedCsms
from simulator.engine.kernel.cache import is_warm
from simulator.fleet.stages import phase_at
from simulator.live.connection import Upgrade
from simulator.live.dial import DialRules
from simulator.live.errors import LiveError, ShardLostError
from simulator.live.hooks import TargetSide, check_hooks, equipped, keep_records
from simulator.live.interrupts import Interrupts
from simulator.live.outcome import Happened, conclude
from simulator.live.preflight import (
    addresses,
    check_authorised,
    check_file_limit,
    check_rate,
    reach,
    read_target,
)
from simulator.live.prepare import DRAIN_S, Prepared, first_of_versions, prepare, shard_specs
from simulator.live.screen import Progress, Screen, ScreenKind, open_screen, progress_of
from simulator.live.supervise import Fleet, Supervisor
from simulator.live.target import Address, Target
from simulator.measure.progress import combine
from simulator.measure.verdict import Decision, Verdict
from simulator.store import RunFolder
from simulator.store.host import host, versions
from simulator.store.summary import short_summary

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario
    from simulator.store.tables import Appender

EMBEDDED = "embedded"
HEARTBEAT_S = 300
"""Heartbeat interval that the embedded CSMS gives where the scenario does not say."""
USER_AGENT = "chargeswarm"


def run_live(
    scenario: Scenario,
    *,
    stations: int | None = None,
    duration_s: float | None = None,
    out: Path | str | None = None,
    trace: str | Sequence[str] = (),
    screen: ScreenKind | Screen = "auto",
    command: str | None = None,
    drain_s: float = DRAIN_S,
    allow_hooks: bool = False,
) -> Path:
    """Run ``scenario`` against its CSMS, wait for the end, and give the path of the run folder.

    ``stations`` scales the network; ``duration_s`` is the whole run, ramp included; ``trace`` names
    stations whose frames are kept; ``drain_s`` bounds the wait for answers after the end;
    ``allow_hooks`` lets storms run the commands that the scenario declares.
    Ctrl-C ends the run orderly, twice at once, with everything written.

    Raises ScenarioError, StoreError, and LiveError with an exit code: RefusedError,
    TargetUnreachableError, ShardLostError.
    """
    shown = open_screen(screen)
    network = scenario.network(stations)
    csms = scenario.file.csms
    try:
        check_hooks(scenario.file.live.storms, allow_hooks)
        site = None if csms.url == EMBEDDED else _external(scenario, network)
        password = scenario.password() if csms.security_profile >= 1 else None
        shown.note(f"{scenario.name}: planning {network.stations} stations")
        if not is_warm():
            shown.note("compiling the kernel that plans it, once; some seconds")
        prepared = prepare(
            scenario,
            network,
            duration_s=duration_s,
            trace=trace,
            password=password,
            heartbeat_s=_heartbeat_s(scenario) if site is None else None,
        )
        check_file_limit(max(plan.stations for plan in prepared.plans))
        peak = _peak_rate(prepared)
        check_rate(peak, scenario.file.live.max_rate)
        if site is not None and not all(a.is_loopback for a in site.found):
            _announce(site, prepared, peak)
        warning = prepared.plans[0].tokens.warning
        if warning:
            shown.note(f"warning: {warning}")
        run = _Run(prepared, shown, out, command, drain_s, password)
        return run.go(site)
    finally:
        shown.close()


@dataclass(frozen=True, slots=True)
class Site:
    """A target that is there already."""

    target: Target
    found: tuple[Address, ...]


def _external(scenario: Scenario, network: Network) -> Site:
    """Look at the target before anything is worked out. Raises LiveError."""
    target = read_target(scenario.file.csms.url)
    found = addresses(target)
    check_authorised(target, found, scenario.file.csms.authorised)
    return Site(target, found)


def _heartbeat_s(scenario: Scenario) -> float:
    given = scenario.file.live.heartbeat
    return float(max(1, round(given))) if given is not None else float(HEARTBEAT_S)


def _peak_rate(prepared: Prepared) -> float:
    """Calls in the busiest second of the plan, or of a herd that boots after a storm."""
    prediction = prepared.predict(time.time())
    planned = float(prediction.series.sum(axis=1).max(initial=0)) / prediction.bin_s
    return max(planned, prepared.weather.herd_per_s)


def _announce(site: Site, prepared: Prepared, peak: float) -> None:
    """What is about to be done to somebody's system; said even where there is no screen."""
    print(
        f"target {site.target.authority} ({site.found[0].sockaddr[0]}): {prepared.expected}"
        f" stations for {prepared.window.run_s:.0f} s, up to {peak:.0f} calls per second",
        file=sys.stderr,
        flush=True,
    )


class _Run:
    """One run under way in the parent."""

    def __init__(
        self,
        prepared: Prepared,
        screen: Screen,
        out: Path | str | None,
        command: str | None,
        drain_s: float,
        password: str | None,
    ) -> None:
        self._prepared = prepared
        self._screen = screen
        self._out = out
        self._command = command
        self._drain_s = drain_s
        self._password = password
        self._happened = Happened()
        self._csms: EmbeddedCsms | None = None
        self._csms_lost = False
        self._supervisor: Supervisor | None = None
        self._side: TargetSide | None = None
        self._path: Path | None = None
        self._stream: Appender | None = None
        self._kept_s = -1.0
        self._progress = Progress("", "", "", "running", 0.0, 1.0, 1.0, 0)

    def go(self, site: Site | None) -> Path:
        """Reach the target, run the fleet, write the folder."""
        with ExitStack() as stack:
            if site is None:
                site = stack.enter_context(self._embedded())
            upgrade = Upgrade(site.target, user_agent=USER_AGENT)
            address = self._reach(upgrade, site)
            folder = self._folder()
            self._path = folder.path
            self._stream = folder.appender("progress")
            # To the last file: what a run has measured is not thrown away by a late signal.
            with Interrupts() as interrupts:
                try:
                    fleet = self._fleet(folder, upgrade, address, site, interrupts)
                    stack.close()
                    self._stream.close()
                    self._screen.note("writing the results")
                    self._conclude(folder, fleet, site)
                except KeyboardInterrupt:
                    folder.finish(_stub(Verdict.INTERRUPTED, "Ctrl-C"), "interrupted")
                    raise
                except LiveError as error:
                    folder.finish(_stub(Verdict.SHARD_LOST, str(error)), "failed")
                    raise
                except Exception as error:
                    folder.write_manifest(status="failed", error=f"{type(error).__name__}: {error}")
                    raise
        return folder.path

    # -- the target -----------------------------------------------------------------------------

    @contextmanager
    def _embedded(self) -> Iterator[Site]:
        """The embedded CSMS in a process of its own, provisioned if it is to ask for passwords."""
        prepared = self._prepared
        scenario = prepared.scenario
        with tempfile.TemporaryDirectory(prefix="chargeswarm-") as private:
            known: Path | None = None
            tokens: Path | None = None
            secured = scenario.file.csms.security_profile >= 1
            refuses = any(s.drivers and s.drivers.wrong_token for s in scenario.file.sites)
            if secured or refuses:
                from simulator.fleet.inventory import export

                stations, listed = export(
                    scenario, prepared.network, Path(private), password=self._password
                )
                known = stations if secured else None
                tokens = listed if refuses else None
            options = CsmsOptions(
                port=0,
                stations=known,
                tokens=tokens,
                heartbeat_interval_s=int(_heartbeat_s(scenario)),
            )
            options = equipped(options, prepared.weather.storms, Path(private))
            self._screen.note("starting the embedded CSMS")
            csms = self._csms = EmbeddedCsms(options)
            csms.start()
            try:
                target = read_target(csms.url)
                yield Site(target, addresses(target))
            finally:
                csms.stop()
                keep_records(Path(private), self._path)

    def _reach(self, upgrade: Upgrade, site: Site) -> Address:
        """The address that answers to every version that the fleet speaks.

        The embedded CSMS has said already that it listens.
        """
        if self._csms is not None:
            return site.found[0]
        authenticate = self._prepared.scenario.file.csms.security_profile >= 1
        timeout_s = self._prepared.scenario.file.live.connect_timeout
        address: Address | None = None
        for version, (station_id, password) in first_of_versions(self._prepared.plans).items():
            asked = upgrade.by_version((version,))[version]
            known = password if authenticate else None
            found = site.found if address is None else (address,)
            address = reach(asked, found, station_id, known, timeout_s).address
        return address if address is not None else site.found[0]

    # -- the folder -----------------------------------------------------------------------------

    def _folder(self) -> RunFolder:
        prepared = self._prepared
        scenario = prepared.scenario
        known = [self._password] if self._password is not None else []
        if scenario.file.csms.security_profile >= 1:
            known += [word for plan in prepared.plans for word in plan.passwords if word]
        folder = RunFolder.create(self._out, scenario.name, "live", secrets=known)
        folder.write_manifest(
            scenario=scenario.as_dict(),
            scenario_file=scenario.path.name,
            seed=scenario.seed,
            stations=prepared.network.stations,
            evses=prepared.network.evses,
            duration_s=prepared.window.run_s,
            timezone=scenario.timezone.key,
            start=scenario.start.isoformat(),
            speed=prepared.window.speed,
            command=self._command,
            versions=versions(),
            host=host(),
        )
        return folder

    # -- the fleet ------------------------------------------------------------------------------

    def _fleet(
        self,
        folder: RunFolder,
        upgrade: Upgrade,
        address: Address,
        site: Site,
        interrupts: Interrupts,
    ) -> Fleet:
        prepared = self._prepared
        specs = shard_specs(
            prepared,
            upgrade=upgrade,
            rules=DialRules(address, prepared.scenario.file.live.connect_timeout),
            run_id=secrets.token_hex(4),
            epoch_guess=time.time(),
            folder=folder.path,
            drain_s=self._drain_s,
        )
        self._progress = Progress(
            scenario=prepared.scenario.name,
            target=site.target.authority if self._csms is None else "embedded CSMS",
            phase="",
            mode="running",
            now_s=0.0,
            run_s=prepared.window.run_s,
            speed=prepared.window.speed,
            stations=prepared.expected,
        )
        count = f"{len(specs)} process" + ("es" if len(specs) > 1 else "")
        self._screen.note(f"building {prepared.network.stations} stations in {count}")
        supervisor = self._supervisor = Supervisor(specs, interrupts, self._on_snapshot)
        versions = {n: v for p in prepared.plans for n, v in zip(p.ids, p.versions, strict=True)}
        live = prepared.scenario.file.live
        side = self._side = TargetSide(
            prepared.weather, live.storms, versions, self._csms, lambda: supervisor.now
        )
        try:
            fleet = supervisor.run()
        finally:
            side.stop()
        if not fleet.t0_ns and not fleet.interrupted:
            raise ShardLostError("; ".join(fleet.lost.values()) or "no shard came up")
        if not fleet.t0_ns:
            raise KeyboardInterrupt
        return fleet

    def _on_snapshot(self, now: float, snapshots: Sequence[dict[str, Any]], mode: str) -> None:
        self._watch_csms(now)
        self._watch_storms(snapshots)
        phase = phase_at(self._prepared.spans, now) if now >= 0.0 else "starting"
        self._progress = replace(self._progress, now_s=now, phase=phase, mode=mode)
        if self._supervisor is not None and not self._progress.pids:
            self._progress = replace(self._progress, pids=self._supervisor.pids)
        if snapshots:
            sums = combine(snapshots)
            self._progress = progress_of(sums, self._progress)
            self._keep(sums, phase)
        self._screen.update(self._progress)

    def _watch_storms(self, snapshots: Sequence[dict[str, Any]]) -> None:
        """Begin with the target's side once T0 is known; say how a storm stands."""
        if self._side is None:
            return
        self._side.start()
        for text in self._side.said(snapshots):
            self._screen.note(text)

    def _keep(self, sums: dict[str, Any], phase: str) -> None:
        """Put a snapshot on disk, so that a run that dies leaves what it had seen."""
        if self._stream is not None and sums["now_s"] > self._kept_s:
            self._kept_s = sums["now_s"]
            row = {name: sums.get(name) for name in self._stream.schema.names}
            row |= {"phase": phase, "answered": sums["calls"]["answered"]}
            self._stream.append(row | {"errors": sum(sums["errors"].values())})
            self._stream.flush()

    def _watch_csms(self, now: float) -> None:
        """The embedded CSMS may die; the run goes on and shows what stations make of it."""
        if self._csms is None or self._csms_lost:
            return
        try:
            self._csms.check()
        except CsmsProcessError as error:
            self._csms_lost = True
            self._happened.add(now, "csms_lost", str(error))
            self._progress = replace(
                self._progress, notes=(*self._progress.notes, f"{error} at {now:.0f} s")
            )
            self._screen.note(f"{error}")

    # -- the end --------------------------------------------------------------------------------

    def _conclude(self, folder: RunFolder, fleet: Fleet, site: Site) -> None:
        if fleet.interrupted:
            self._happened.add(fleet.ended_s, "interrupted", f"{fleet.interrupted} times")
        csms = self._csms
        conclude(
            folder,
            self._prepared,
            fleet,
            self._happened,
            drain_s=self._drain_s,
            deeds={} if self._side is None else self._side.deeds,
            more={
                "target": site.target.authority if csms is None else EMBEDDED,
                "csms": csms.holdings if csms is not None else None,
                "csms_lost": self._csms_lost,
            },
        )


def _stub(verdict: Verdict, reason: str) -> dict[str, Any]:
    """The summary of a run that was over before it began."""
    return short_summary("live", Decision(verdict, (reason,)))
