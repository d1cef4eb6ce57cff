"""Calibrates this machine's generator, and remembers it in the user's cache.

A null target and one process of the generator (``ceiling``) run side by side for some seconds. The
result is kept per machine, processor, number of cores, Python and version of this program; another
of any of them asks for a new calibration.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from simulator.engine.kernel.cache import user_cache
from simulator.fleet.certificates import Holder, write
from simulator.live.ceiling import HOST, STATIONS, Ceiling, calibration_plan
from simulator.live.margin import loads, margin
from simulator.live.parent import environment
from simulator.live.prepare import usable_cpus
from simulator.station.network import TLS, TLS_CLIENT
from simulator.store.host import host, versions

if TYPE_CHECKING:
    from simulator.live.prepare import Prepared

TIMEOUT_S: Final = 60.0
PLAIN: Final = "no TLS"


class CalibrationError(Exception):
    """The calibration did not come to an end."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A ceiling, when it was measured, and how busy the machine was with other things."""

    ceiling: Ceiling
    measured_at: str
    load_before: float | None
    """The system's load average of a minute before; None: it has none."""
    layer: str = PLAIN
    """What was between socket and WebSocket."""

    @property
    def usable(self) -> bool:
        """A rate was sent validly."""
        return self.ceiling.calls_per_s > 0.0 and self.ceiling.connects_per_s > 0.0

    @property
    def text(self) -> str:
        """The ceiling in words."""
        c = self.ceiling
        busy = "" if not self.load_before else f", load {self.load_before:.1f} before it"
        if not self.usable:
            least = min((step["asked_per_s"] for step in c.steps), default=0.0)
            return (
                f"not even {least:.0f} calls/s could be sent validly: other work on this machine"
                f" gets in the way ({self.measured_at}{busy})"
            )
        return (
            f"{c.calls_per_s:.0f} calls/s sent validly, {c.connects_per_s:.0f} connections/s,"
            f" {c.calls_per_cpu_s:.0f} calls per CPU-second (one process, {self.layer}, a target"
            f" without work,"
            f" {self.measured_at}{busy})"
        )


def layer_of(profile: int) -> str:
    """What a security profile puts between socket and WebSocket: each has a ceiling of its own."""
    if profile < TLS:
        return PLAIN
    return "TLS" if profile < TLS_CLIENT else "TLS with certificates of the stations"


def calibrate(profile: int = 0, stations: int = STATIONS) -> Calibration:
    """Measure, in some seconds, with a security profile's TLS. Raises CalibrationError."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory(prefix="chargeswarm-") as folder:
        known = () if profile < TLS else (folder,)
        if known:
            plan = calibration_plan(stations if profile >= TLS_CLIENT else 0)
            holders = [Holder(*pair) for pair in zip(plan.ids, plan.serials, strict=True)]
            write(Path(folder), holders, "Chargeswarm", hosts=(HOST,))
        mutual = ("--mutual",) if profile >= TLS_CLIENT else ()
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "simulator.live.nulltarget", *known, *mutual],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        ) as target:
            try:
                more = ("--profile", str(profile), "--certificates", folder) if known else ()
                found = _measure(_port(target.stdout), stations, more)
            finally:
                target.kill()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Calibration(found, now, busy, layer_of(profile))


def _port(out: IO[bytes] | None) -> int:
    line = out.readline() if out is not None else b""
    if not line.strip().isdigit():
        raise CalibrationError("the null target did not start")
    return int(line)


def _measure(port: int, stations: int, more: Sequence[str]) -> Ceiling:
    command = [sys.executable, "-P", "-m", "simulator.live.ceiling"]
    try:
        done = subprocess.run(
            [*command, "--port", str(port), "--stations", str(stations), *more],
            capture_output=True,
            timeout=TIMEOUT_S,
            env=environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CalibrationError(f"no end within {TIMEOUT_S:g} s") from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise CalibrationError(words[-1] if words else f"exit code {done.returncode}")
    return _ceiling(json.loads(done.stdout))


def _ceiling(values: dict[str, Any]) -> Ceiling:
    return Ceiling(**(values | {"steps": tuple(values["steps"])}))


# -- what is remembered -----------------------------------------------------------------------


def cache_file(layer: str = PLAIN) -> Path:
    """Where the calibration of this machine, this version and this layer lies."""
    here = host()
    what = [platform.node(), *(here[name] for name in ("machine", "cpu", "cpus_usable"))]
    what += [here["cpu_quota"], sorted(versions().items())]
    what += [layer] if layer != PLAIN else []
    name = hashlib.blake2b(repr(what).encode(), digest_size=8).hexdigest()
    return user_cache() / f"generator-{name}.json"


def remembered(profile: int = 0) -> Calibration | None:
    """The calibration of this machine with that profile's TLS, if there is one to be read."""
    layer = layer_of(profile)
    try:
        kept = json.loads(cache_file(layer).read_text(encoding="utf-8"))
        ceiling = _ceiling(kept["ceiling"])
        found = Calibration(ceiling, kept["measured_at"], kept["load_before"], layer)
        return found if found.usable else None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return None


def remember(found: Calibration) -> bool:
    """Keep it for later; False where the cache cannot be written."""
    try:
        file = cache_file(found.layer)
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
        new.replace(file)
    except (OSError, RuntimeError):
        return False
    return True


def margin_note(prepared: Prepared, *, embedded: bool) -> str | None:
    """What a run says of its margin before it starts; None without a calibration."""
    known = remembered(prepared.scenario.file.csms.security_profile)
    if known is None:
        return None
    result = margin(
        loads(prepared, prepared.start_epoch(time.time())),
        known.ceiling,
        max(usable_cpus() - embedded, 1),
    )
    warning = "" if result.ok else f"; the run will hardly be valid: {result.advice}"
    return f"generator: {result.text}, calibrated {known.measured_at}{warning}"
