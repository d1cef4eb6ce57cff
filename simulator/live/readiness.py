"""``chargeswarm preflight``: could this run take place here, and would it be valid?

Plans the run, looks at the machine's limits, reaches the target once for each OCPP version, and
compares the plan's busiest moment with the calibrated ceiling of the generator. Puts no load on the
target. The single checks are in ``preflight``, ``calibrated`` and ``margin``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from simulator.csms.process import CsmsProcessError, EmbeddedCsms
from simulator.fleet.storms import comes_back_s
from simulator.live.calibrated import (
    Calibration,
    CalibrationError,
    calibrate,
    remember,
    remembered,
)
from simulator.live.ceiling import Ceiling
from simulator.live.connection import Upgrade
from simulator.live.deflate import DECLINED
from simulator.live.embedded import csms_options, csms_workers
from simulator.live.errors import LiveError, RefusedError, TargetUnreachableError
from simulator.live.margin import Margin, loads, margin
from simulator.live.outcome import limits_of
from simulator.live.preflight import (
    addresses,
    check_authorised,
    check_file_limit,
    check_rate,
    reach,
    read_target,
)
from simulator.live.prepare import Prepared, first_of_versions, prepare, usable_cpus
from simulator.live.routes import LOOK_UP_S, is_address
from simulator.live.security import Embedded, Security, first_wish, security_of
from simulator.live.sockets import check_ports, check_sources, local_ports, loopback_sources
from simulator.live.target import Address, Target
from simulator.live.tls import Tls
from simulator.measure.validity import loosened
from simulator.measure.verdict import ExitCode
from simulator.scenario import Network

if TYPE_CHECKING:
    from simulator.scenario import Scenario

EMBEDDED: Final = "embedded"
PINGS: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``ok`` None: it could not be, or is only worth knowing."""

    name: str
    ok: bool | None
    text: str
    exit_code: int = int(ExitCode.USAGE)
    """If it is not ok."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """All checks, and what the last of them rests on."""

    checks: tuple[Check, ...]
    calibration: Calibration | None
    margin: Margin | None

    @property
    def exit_code(self) -> int:
        """0 if nothing stands in the way; 4 if the target cannot be reached, else 1."""
        return max((check.exit_code for check in self.checks if check.ok is False), default=0)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"exit_code": self.exit_code, **asdict(self)}


def run_preflight(
    scenario: Scenario,
    *,
    stations: int | None = None,
    duration_s: float | None = None,
    fresh: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Readiness:
    """Check everything; ``fresh`` calibrates again although there is a calibration.

    Raises ScenarioError, and RefusedError for a run that cannot be planned at all.
    """
    network = scenario.network(stations)
    embedded = scenario.file.csms.url == EMBEDDED
    password = scenario.password() if scenario.file.csms.security_profile >= 1 else None
    tell(f"{scenario.name}: planning {network.stations} stations")
    prepared = prepare(
        scenario,
        network,
        duration_s=duration_s,
        trace="",
        password=password,
        heartbeat_s=None,
    )
    planned = loads(prepared, prepared.start_epoch(time.time()))
    peak = sum(load.peak_calls for load in planned)
    found = [_attempt("rate", f"{peak:.0f} calls/s at most", _rate, prepared, peak)]
    found += limits(prepared, embedded=embedded)
    tell("reaching the target")
    found += target_checks(prepared, password)
    how = scenario.file.csms.security_profile
    known = None if fresh else remembered(how)
    if known is None:
        tell("calibrating the generator")
    told, known = _generator(known, how)
    found += told
    result: Margin | None = None
    if known is not None and known.usable:
        result = margin(planned, known.ceiling, max(usable_cpus() - embedded, 1))
        text = result.text if result.ok else f"{result.text}; {result.advice}"
        found.append(Check("margin", result.ok, text))
        found += herds(prepared, known.ceiling, max(usable_cpus() - embedded, 1))
    looser = loosened(limits_of(scenario))
    if looser:
        found.append(Check("validity", None, f"looser limits: {', '.join(map(str, looser))}"))
    return Readiness(tuple(found), known, result)


def herds(prepared: Prepared, ceiling: Ceiling, cores: int) -> Iterator[Check]:
    """How fast stations come back after each storm, beside what this machine connects.

    Nothing forbids more: then the generator sets the pace of the herd and not the target.
    """
    most_per_s = ceiling.connects_per_s * min(cores, len(prepared.plans))
    for storm, hits in zip(prepared.weather.storms, prepared.weather.hits, strict=True):
        within_s = comes_back_s(storm)
        if within_s is None:
            continue
        per_s = len(hits) / within_s
        used = per_s / most_per_s
        text = (
            f"{storm.kind} at {storm.at_s:g} s: {len(hits)} stations come back within"
            f" {within_s:g} s, {per_s:.0f} a second: {used:.0%} of what this machine connects"
        )
        if used > 1.0:
            text += "; the generator, not the target, will set their pace"
        yield Check("herd", None, text)


def _generator(known: Calibration | None, profile: int) -> tuple[list[Check], Calibration | None]:
    """The calibration that is known, or a new one, which is kept if it is any good."""
    found: list[Check] = []
    if known is None:
        try:
            known = calibrate(profile)
        except CalibrationError as error:
            return [Check("generator", None, f"not calibrated: {error}")], None
        if known.usable and not remember(known):
            found.append(Check("cache", None, "the calibration cannot be kept: no cache"))
    return [*found, Check("generator", None if known.usable else False, known.text)], known


def _rate(prepared: Prepared, peak: float) -> None:
    check_rate(peak, prepared.scenario.file.live.max_rate)


def _attempt(name: str, text: str, work: Callable[..., object], *arguments: Any) -> Check:
    """A check that raises where it is not met."""
    try:
        work(*arguments)
    except LiveError as error:
        return Check(name, False, str(error), error.exit_code)
    return Check(name, True, text)


def limits(prepared: Prepared, *, embedded: bool) -> Iterator[Check]:
    """File descriptors for every process."""
    largest = max(plan.stations for plan in prepared.plans)
    shards = len(prepared.plans)
    text = f"enough for {largest} stations in each of {shards} process{'es' if shards > 1 else ''}"
    yield _attempt("descriptors", text, check_file_limit, largest)
    if embedded and shards > 1:
        # It takes as many processes as that needs.
        workers = csms_workers(prepared.network.stations)
        text = f"enough for the embedded CSMS in {workers} process{'es' if workers > 1 else ''}"
        yield Check("descriptors", True, text)


def ports(
    stations: int,
    sources: Sequence[str],
    addresses: Sequence[Address],
    free: Callable[[], int | None] = local_ports,
) -> Check:
    """Each connection from one of our addresses to one of the target's needs a port of its own."""
    known = free()
    if known is None:
        return Check("ports", None, "this system does not tell how many local ports it has")
    ways = max(len(sources), 1) * max(len(addresses), 1)
    text = f"{known} local ports for {stations} stations"
    if ways > 1:
        text += (
            f", on each of {ways} ways (from {max(len(sources), 1)} of our addresses to"
            f" {max(len(addresses), 1)} of the target's)"
        )
    return _attempt("ports", text, check_ports, stations, sources, addresses, lambda: known)


def target_checks(prepared: Prepared, password: str | None) -> list[Check]:
    """Whether the target is there, lets each version in, and how far away it is."""
    try:
        with _target(prepared, password) as (target, found, security):
            rows = [
                _reached(prepared, target, found, security, version, who)
                for version, who in first_of_versions(prepared.plans).items()
            ]
            rows += _ways(prepared, target, found)
            return rows
    except (RefusedError, TargetUnreachableError) as error:
        return [Check("target", False, str(error), error.exit_code)]


def _ways(prepared: Prepared, target: Target, found: tuple[Address, ...]) -> Iterator[Check]:
    """Our addresses and the target's: are there ports for every connection, and for how long?"""
    live = prepared.scenario.file.live
    same = found[:1] if live.pin else [a for a in found if a.family == found[0].family]
    sources = tuple(live.sources) or loopback_sources(prepared.expected, same)
    yield _attempt(
        "sources",
        "connections leave from " + (", ".join(sources) or "the address that the system chooses"),
        check_sources,
        sources,
        found[0].family,
    )
    yield ports(prepared.expected, sources, same)
    if not is_address(target.host):
        kept = "kept for the whole run (live.pin)"
        if not live.pin:
            kept = f"looked up again every {LOOK_UP_S:g} s: the system's resolver tells no TTL"
        count = f"{len(same)} address{'es' if len(same) > 1 else ''}"
        yield Check("name", None, f"{target.host} has {count}, {kept}")


def _reached(
    prepared: Prepared,
    target: Target,
    found: tuple[Address, ...],
    security: Security,
    version: str,
    who: tuple[str, str | None],
) -> Check:
    csms, live = prepared.scenario.file.csms, prepared.scenario.file.live
    asked = Upgrade(target, deflate=live.deflate).by_version((version,))[version]
    password = who[1] if csms.security_profile >= 1 else None
    tls = None if security.tls is None else Tls(security.tls)
    wish = first_wish(security, who[0])
    try:
        timeout_s = live.connect_timeout
        reached = reach(asked, found, who[0], password, timeout_s, tls, wish, PINGS)
    except TargetUnreachableError as error:
        return Check(f"target {version}", False, str(error), error.exit_code)
    pinged = "no pong"
    if reached.pings_s:
        pinged = f"WebSocket ping {median(reached.pings_s) * 1e3:.2f} ms"
    shaken = f" TLS {reached.tls_s * 1e3:.2f} ms," if tls is not None else ""
    text = (
        f"{target.authority} speaks {asked.subprotocol}: TCP {reached.tcp_s * 1e3:.2f} ms,{shaken}"
        f" upgrade {reached.upgrade_s * 1e3:.2f} ms, {pinged}"
    )
    if live.deflate is not None:
        text += f", {'compresses' if reached.deflate else DECLINED}"
    return Check(f"target {version}", True if reached.pings_s else None, text)


@contextmanager
def _target(
    prepared: Prepared, password: str | None
) -> Iterator[tuple[Target, tuple[Address, ...], Security]]:
    """The target, where it is, and how it is secured.

    The embedded CSMS is started for as long as that takes, with certificates for those stations
    alone that look at it.
    """
    scenario = prepared.scenario
    csms = scenario.file.csms
    if csms.url != EMBEDDED:
        target = read_target(csms.url)
        found = addresses(target)
        check_authorised(target, found, csms.authorised)
        yield target, found, security_of(scenario, prepared.network, target)
        return
    who = {name for name, _ in first_of_versions(prepared.plans).values()}
    few = Network(
        tuple(
            replace(site, stations=tuple(s for s in site.stations if s.id in who))
            for site in prepared.network.sites
            if any(s.id in who for s in site.stations)
        )
    )
    with tempfile.TemporaryDirectory(prefix="chargeswarm-") as private:
        options = csms_options(scenario, few, Path(private), password)
        if options.sqlite is not None or options.http is not None:
            options = replace(options, sqlite=None, http=None)
        embedded = Embedded.of(scenario, few, Path(private), options)
        try:
            with EmbeddedCsms(embedded.options) as running:
                target = read_target(running.url)
                yield target, addresses(target), embedded.security(target.host)
        except CsmsProcessError as error:
            raise TargetUnreachableError(str(error)) from None
