"""``chargeswarm preflight``: could this run take place here, and would it be valid?

Plans the run, looks at the machine's limits, reaches the target once for each OCPP version, and
compares the plan's busiest moment with the calibrated ceiling of the generator. Puts no load on the
target. The single checks are in ``preflight``, ``calibrated`` and ``margin``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from simulator.csms import CsmsOptions
from simulator.csms.process import CsmsProcessError, EmbeddedCsms
from simulator.live.calibrated import (
    Calibration,
    CalibrationError,
    calibrate,
    remember,
    remembered,
)
from simulator.live.connection import Upgrade
from simulator.live.deflate import DECLINED
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
from simulator.live.security import INSECURE, Security, first_wish, security_of
from simulator.live.target import Address, Target
from simulator.live.tls import Tls
from simulator.measure.validity import loosened
from simulator.measure.verdict import ExitCode

if TYPE_CHECKING:
    from simulator.scenario import Scenario

EMBEDDED: Final = "embedded"
PINGS: Final = 5
PORT_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


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
    found += target_checks(prepared)
    known = None if fresh else remembered()
    if known is None:
        tell("calibrating the generator")
    told, known = _generator(known)
    found += told
    result: Margin | None = None
    if known is not None and known.usable:
        result = margin(planned, known.ceiling, max(usable_cpus() - embedded, 1))
        text = result.text if result.ok else f"{result.text}; {result.advice}"
        found.append(Check("margin", result.ok, text))
    looser = loosened(limits_of(scenario))
    if looser:
        found.append(Check("validity", None, f"looser limits: {', '.join(map(str, looser))}"))
    return Readiness(tuple(found), known, result)


def _generator(known: Calibration | None) -> tuple[list[Check], Calibration | None]:
    """The calibration that is known, or a new one, which is kept if it is any good."""
    found: list[Check] = []
    if known is None:
        try:
            known = calibrate()
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


def limits(prepared: Prepared, *, embedded: bool, port_range: Path = PORT_RANGE) -> Iterator[Check]:
    """File descriptors for every process, ports for every connection."""
    largest = max(plan.stations for plan in prepared.plans)
    shards = len(prepared.plans)
    text = f"enough for {largest} stations in each of {shards} process{'es' if shards > 1 else ''}"
    yield _attempt("descriptors", text, check_file_limit, largest)
    if embedded and shards > 1:
        text = f"enough for {prepared.network.stations} stations in the embedded CSMS"
        yield _attempt("descriptors", text, check_file_limit, prepared.network.stations)
    yield ports(prepared.expected, port_range)


def ports(stations: int, port_range: Path = PORT_RANGE) -> Check:
    """Every connection to one address of a target needs a local port of its own."""
    try:
        low, high = map(int, port_range.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return Check("ports", None, "this system does not tell how many local ports it has")
    free = high - low + 1
    if stations > free:
        return Check(
            "ports",
            False,
            f"{stations} stations need a local port each to connect to one address, and there are"
            f" {free} ({low} to {high}): widen net.ipv4.ip_local_port_range",
        )
    return Check("ports", True, f"{free} local ports for {stations} stations")


def target_checks(prepared: Prepared) -> list[Check]:
    """Whether the target is there, lets each version in, and how far away it is."""
    scenario = prepared.scenario
    try:
        with _target(scenario) as (target, found):
            embedded = scenario.file.csms.url == EMBEDDED
            security = INSECURE if embedded else security_of(scenario, prepared.network, target)
            return [
                _reached(prepared, target, found, version, who, security)
                for version, who in first_of_versions(prepared.plans).items()
            ]
    except (RefusedError, TargetUnreachableError) as error:
        return [Check("target", False, str(error), error.exit_code)]


def _reached(
    prepared: Prepared,
    target: Target,
    found: tuple[Address, ...],
    version: str,
    who: tuple[str, str | None],
    security: Security,
) -> Check:
    csms, live = prepared.scenario.file.csms, prepared.scenario.file.live
    asked = Upgrade(target, deflate=live.deflate).by_version((version,))[version]
    password = who[1] if csms.security_profile >= 1 else None
    tls = None if security.tls is None else Tls(security.tls)
    wish = first_wish(security, who[0])
    try:
        reached = reach(asked, found, who[0], password, live.connect_timeout, tls, wish, PINGS)
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
def _target(scenario: Scenario) -> Iterator[tuple[Target, tuple[Address, ...]]]:
    """The target and where it is; the embedded CSMS is started for as long as that takes."""
    csms = scenario.file.csms
    if csms.url != EMBEDDED:
        target = read_target(csms.url)
        found = addresses(target)
        check_authorised(target, found, csms.authorised)
        yield target, found
        return
    try:
        with EmbeddedCsms(CsmsOptions(port=0)) as running:
            target = read_target(running.url)
            yield target, addresses(target)
    except CsmsProcessError as error:
        raise TargetUnreachableError(str(error)) from None
