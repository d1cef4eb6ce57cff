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
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.csms.process import CsmsProcessError, EmbeddedCsms
from simulator.engine.kernel.cache import is_warm
from simulator.fleet.steps import span_at
from simulator.live.apicalls import ApiRules, Template
from simulator.live.calibrated import margin_note
from simulator.live.connection import Upgrade
from simulator.live.deflate import DECLINED
from simulator.live.dial import DialRules
from simulator.live.embedded import csms_options, heartbeat_s
from simulator.live.errors import LiveError, ShardLostError, TargetUnreachableError
from simulator.live.hooks import TargetSide, check_hooks, equipped, keep_records
from simulator.live.interrupts import Interrupts
from simulator.live.keeping import Stream
from simulator.live.outcome import Happened, conclude, limits_of
from simulator.live.outlets import Outlets, Wanted
from simulator.live.preflight import (
    addresses,
    check_authorised,
    check_file_limit,
    check_rate,
    reach,
    read_api,
    read_target,
)
from simulator.live.prepare import DRAIN_S, Prepared, first_of_versions, prepare, shard_specs
from simulator.live.routes import routes_of
from simulator.live.screen import Progress, Screen, ScreenKind, open_screen, progress_of
from simulator.live.security import INSECURE, Embedded, Security, first_wish, security_of
from simulator.live.sockets import check_ports, check_sources, loopback_sources
from simulator.live.stepboard import StepBoard
from simulator.live.supervise import Fleet, Supervisor, ending_words
from simulator.live.target import Address, Target
from simulator.live.tls import Tls
from simulator.measure.abort import Watch
from simulator.measure.errors import ErrorKind
from simulator.measure.progress import combine
from simulator.measure.validity import loosened
from simulator.measure.verdict import Decision, Verdict
from simulator.store import RunFolder, StoreError
from simulator.store.folder import check_place
from simulator.store.host import host, versions
from simulator.store.summary import short_summary

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario

EMBEDDED = "embedded"
USER_AGENT = "chargeswarm"
NOTHING = Wanted()


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
    wanted: Wanted = NOTHING,
    allow_hooks: bool = False,
) -> Path:
    """Run ``scenario`` against its CSMS, wait for the end, and give the path of the run folder.

    ``stations`` scales the network; ``duration_s`` is the whole run, ramp included; ``trace`` names
    stations whose frames are kept; ``drain_s`` bounds the wait for answers after the end;
    ``wanted`` are the outlets by which others watch it; ``allow_hooks`` lets storms run the
    commands that the scenario declares.
    Ctrl-C ends the run orderly, twice at once, with everything written.

    Raises ScenarioError, StoreError, and LiveError with an exit code: RefusedError,
    TargetUnreachableError, ShardLostError.
    """
    check_place(out)
    shown = open_screen(screen)
    outlets = Outlets(wanted, shown.note)
    network = scenario.network(stations)
    csms = scenario.file.csms
    try:
        check_hooks(scenario.file.live.storms, allow_hooks)
        site = None if csms.url == EMBEDDED else _external(scenario, network)
        api = _api(scenario)
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
            heartbeat_s=heartbeat_s(scenario) if site is None else None,
        )
        check_file_limit(max(plan.stations for plan in prepared.plans))
        peak = _peak_rate(prepared)
        check_rate(peak, scenario.file.live.max_rate)
        if site is not None and not all(a.is_loopback for a in site.found):
            _announce(site, prepared, peak, api)
        looser = loosened(limits_of(scenario))
        if looser:
            shown.note(f"validity is judged by looser limits: {', '.join(map(str, looser))}")
        note = margin_note(prepared, embedded=site is None)
        if note is not None:
            shown.note(note)
        warning = prepared.plans[0].tokens.warning
        if warning:
            shown.note(f"warning: {warning}")
        run = _Run(prepared, shown, out, command, drain_s, password, api, outlets, wanted.any)
        return run.go(site)
    finally:
        outlets.close()
        shown.close()


@dataclass(frozen=True, slots=True)
class Site:
    """A target that is there."""

    target: Target
    found: tuple[Address, ...]
    security: Security = INSECURE


def _external(scenario: Scenario, network: Network) -> Site:
    """Look at the target before anything is worked out. Raises LiveError."""
    target = read_target(scenario.file.csms.url)
    found = addresses(target)
    check_authorised(target, found, scenario.file.csms.authorised)
    return Site(target, found, security_of(scenario, network, target))


def _api(scenario: Scenario) -> ApiRules | None:
    """The API that the scenario names, if somebody uses it. Raises LiveError, ScenarioError."""
    csms = scenario.file.csms
    used = any(site.start is not None and site.start.app for site in scenario.file.sites)
    if csms.api is None or not (used or csms.calls):
        return None
    server, prefix = read_api(csms.api.url, scenario.file.live.connect_timeout, csms.authorised)
    call, secret = csms.api.start, scenario.api_secret()
    header = None
    if csms.api.header is not None and secret is not None:
        header = csms.api.header.name, secret
    start = None if call is None else Template(call.method, call.path, call.body)
    return ApiRules(server, prefix, start, header)


def _peak_rate(prepared: Prepared) -> float:
    """Calls in the busiest second of the plan, or of a herd that boots after a storm."""
    prediction = prepared.predict(prepared.start_epoch(time.time()))
    planned = float(prediction.series.sum(axis=1).max(initial=0)) / prediction.bin_s
    return max(planned, prepared.weather.herd_per_s)


def _announce(site: Site, prepared: Prepared, peak: float, api: ApiRules | None = None) -> None:
    """What is about to be done to somebody's system; said even where there is no screen."""
    also = ""
    if api is not None:
        calls = prepared.with_app + prepared.errands.requests
        also = f", {calls} calls of {api.server.authority}"
    print(
        f"target {site.target.authority} ({site.found[0].sockaddr[0]}): {prepared.expected}"
        f" stations for {prepared.window.run_s:.0f} s, up to {peak:.0f} calls per second" + also,
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
        api: ApiRules | None,
        outlets: Outlets,
        detailed: bool,
    ) -> None:
        self._api = api
        self._prepared = prepared
        self._screen = screen
        self._out = out
        self._command = command
        self._drain_s = drain_s
        self._password = password
        self._outlets = outlets
        self._detailed = detailed
        self._happened = Happened()
        self._csms: EmbeddedCsms | None = None
        self._csms_lost = False
        self._deflate: dict[str, bool] = {}
        """Whether the target took up compression, by version, where it was offered."""
        self._supervisor: Supervisor | None = None
        self._side: TargetSide | None = None
        self._path: Path | None = None
        self._stream: Stream | None = None
        self._progress = Progress("", "", "", "running", 0.0, 1.0, 1.0, 0)
        slo = prepared.scenario.file.slo
        self._board = StepBoard(
            prepared.steps, slo.require, screen.note, limits_of(prepared.scenario)
        )
        self._sources: tuple[str, ...] = ()
        """Our own addresses to connect from; none: whichever the system takes."""
        self._watch = Watch(slo.abort, prepared.expected)

    def go(self, site: Site | None) -> Path:
        """Reach the target, run the fleet, write the folder."""
        with ExitStack() as stack:
            if site is None:
                site = stack.enter_context(self._embedded())
            deflate = self._prepared.scenario.file.live.deflate
            upgrade = Upgrade(site.target, user_agent=USER_AGENT, deflate=deflate)
            address = self._reach(upgrade, site)
            self._check_sockets(address, site)
            folder = self._folder()
            self._path = folder.path
            self._stream = Stream(folder, self._on_full_disk)
            if not folder.reserved:
                self._screen.note(f"{folder.path}: less than 1 MB of space is left there")
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
                    with suppress(StoreError):  # it may be the disk that failed
                        text = f"{type(error).__name__}: {error}"
                        folder.write_manifest(status="failed", error=text)
                    raise
        return folder.path

    # -- the target -----------------------------------------------------------------------------

    @contextmanager
    def _embedded(self) -> Iterator[Site]:
        """The embedded CSMS in a process of its own, set up as the scenario has it."""
        prepared = self._prepared
        with tempfile.TemporaryDirectory(prefix="chargeswarm-") as private:
            options = csms_options(
                prepared.scenario,
                prepared.network,
                Path(private),
                self._password,
                with_api=prepared.with_app > 0 or prepared.errands.any,
            )
            options = equipped(options, prepared.weather.storms, Path(private))
            embedded = Embedded.of(prepared.scenario, prepared.network, Path(private), options)
            self._screen.note("starting the embedded CSMS")
            csms = self._csms = EmbeddedCsms(embedded.options)
            try:
                csms.start()
            except CsmsProcessError as error:
                raise TargetUnreachableError(str(error)) from None
            if csms.http_url:
                self._screen.note(f"its HTTP API listens at {csms.http_url}")
            try:
                if csms.http_url:
                    self._api = ApiRules(*read_api(csms.http_url, 10.0, False), None, embedded=True)
                target = read_target(csms.url)
                yield Site(target, addresses(target), embedded.security(target.host))
            finally:
                csms.stop()
                keep_records(Path(private), self._path, self._on_full_disk)

    def _reach(self, upgrade: Upgrade, site: Site) -> Address:
        """The address that answers to every version that the fleet speaks.

        The embedded CSMS has said already that it listens.
        """
        if self._csms is not None and upgrade.deflate is None:
            return site.found[0]
        authenticate = self._prepared.scenario.file.csms.security_profile >= 1
        timeout_s = self._prepared.scenario.file.live.connect_timeout
        tls = None if site.security.tls is None else Tls(site.security.tls)
        address: Address | None = None
        for version, (station_id, password) in first_of_versions(self._prepared.plans).items():
            asked = upgrade.by_version((version,))[version]
            known = password if authenticate else None
            wish = first_wish(site.security, station_id)
            found = site.found if address is None else (address,)
            reached = reach(asked, found, station_id, known, timeout_s, tls, wish)
            address = reached.address
            if upgrade.deflate is not None:
                self._deflate[version] = reached.deflate
                if not reached.deflate:
                    self._screen.note(f"{site.target.authority} {DECLINED}")
        return address if address is not None else site.found[0]

    def _check_sockets(self, address: Address, site: Site) -> None:
        """Which address answers is known now, and with it how many there are to spread over."""
        live = self._prepared.scenario.file.live
        same = [a for a in site.found if a.family == address.family]
        ways = (address,) if live.pin else same
        stations = self._prepared.expected
        self._sources = tuple(live.sources) or loopback_sources(stations, ways)
        check_sources(self._sources, address.family)
        check_ports(stations, self._sources, ways)

    # -- the folder -----------------------------------------------------------------------------

    def _folder(self) -> RunFolder:
        prepared = self._prepared
        scenario = prepared.scenario
        known = [self._password] if self._password is not None else []
        if scenario.file.csms.security_profile >= 1:
            known += [word for plan in prepared.plans for word in plan.passwords if word]
        if self._api is not None and self._api.header is not None:
            known.append(self._api.header[1])
        folder = RunFolder.create(self._out, scenario.name, "live", secrets=known, reserve=True)
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
        live = prepared.scenario.file.live
        specs = shard_specs(
            prepared,
            upgrade=upgrade,
            rules=DialRules(address, live.connect_timeout),
            security=site.security,
            routes=routes_of(
                site.target,
                site.found,
                address,
                timeout_s=live.connect_timeout,
                sources=self._sources,
                pin=live.pin,
                authorised=prepared.scenario.file.csms.authorised,
            ),
            run_id=secrets.token_hex(4),
            epoch_guess=time.time(),
            folder=folder.path,
            drain_s=self._drain_s,
            api=self._api,
            detailed=self._detailed,
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
        self._outlets.begin(
            lambda at_s: span_at(prepared.spans, at_s).name,
            run=str(folder.path),
            scenario=self._progress.scenario,
            target=self._progress.target,
            stations=self._progress.stations,
            run_s=self._progress.run_s,
            speed=self._progress.speed,
        )
        count = f"{len(specs)} process" + ("es" if len(specs) > 1 else "")
        self._screen.note(f"building {prepared.network.stations} stations in {count}")
        supervisor = self._supervisor = Supervisor(
            specs, interrupts, self._on_snapshot, live.quarter_hour_at, self._screen.note
        )
        versions = {n: v for p in prepared.plans for n, v in zip(p.ids, p.versions, strict=True)}
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
        phase = span_at(self._prepared.spans, now).name if now >= 0.0 else "starting"
        if mode != self._progress.mode and self._supervisor is not None:
            self._screen.note(ending_words(mode, self._supervisor.fleet))
        self._progress = replace(self._progress, now_s=now, phase=phase, mode=mode)
        if self._supervisor is not None and not self._progress.pids:
            self._progress = replace(self._progress, pids=self._supervisor.pids)
        if snapshots:
            sums = combine(snapshots)
            self._look_at_steps(now, sums, len(snapshots))
            self._progress = progress_of(sums, self._progress)
            if self._stream is not None:
                self._stream.keep(sums, phase)
            if self._supervisor is not None:
                epoch = self._supervisor.fleet.epoch_at_zero
                self._outlets.take(snapshots, self._progress, epoch)
        self._screen.update(self._progress)

    def _look_at_steps(self, now: float, sums: dict[str, Any], shards: int) -> None:
        """Print the row of a step that is over; end the run if a clause says so."""
        supervisor = self._supervisor
        if supervisor is None:
            return
        finished, supervisor.finished = supervisor.finished, []
        self._board.hear(finished)
        self._board.look(now, sums, shards)
        why = self._watch.look(sums)
        if why is not None and not supervisor.fleet.aborted:
            supervisor.end_early(why)
            self._happened.add(now, "aborted", why)
            self._screen.note(why)

    def _watch_storms(self, snapshots: Sequence[dict[str, Any]]) -> None:
        """Begin with the target's side once T0 is known; say how a storm stands."""
        if self._side is None:
            return
        self._side.start()
        for text in self._side.said(snapshots):
            self._screen.note(text)

    def _on_full_disk(self, why: str) -> None:
        """The run goes on without what cannot be written while it lasts."""
        self._happened.add(max(self._progress.now_s, 0.0), str(ErrorKind.LOCAL_DISK), why)
        self._screen.note(why)

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
        summary = conclude(
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
                "deflate": self._deflate,
            },
        )
        for missing in summary["not_written"]:
            self._screen.note(f"not written: {missing}")
        self._outlets.end(summary, folder.path)


def _stub(verdict: Verdict, reason: str) -> dict[str, Any]:
    """The summary of a run that was over before it began."""
    return short_summary("live", Decision(verdict, (reason,)))
