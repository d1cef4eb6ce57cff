"""The target's side of storms: what a run does to its target, in threads of the parent.

Three ways: a hook that the scenario declares (an HTTP call, or a command, which needs to be allowed
apart), the embedded CSMS killed and started again, or a command to all stations through the
embedded CSMS's HTTP API. Where there is none of them, stations do it to themselves (``storms``) and
the result is called emulated. ``run`` starts this with the fleet.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from simulator.csms.process import CsmsProcessError, EmbeddedCsms
from simulator.fleet import orders
from simulator.fleet.recovery import LEVELS
from simulator.fleet.storms import RECONNECTS
from simulator.live.errors import RefusedError
from simulator.live.outlets import storm_of

if TYPE_CHECKING:
    from simulator.csms import CsmsOptions
    from simulator.fleet.storms import Storm
    from simulator.live.weather import Weather
    from simulator.scenario.storm_model import Hook
    from simulator.scenario.storm_model import Storm as Wish

Source = Literal["emulated", "stations", "hook", "embedded"]
HOOK_TIMEOUT_S: Final = 60.0
RECORDS: Final = "csms.sqlite"
_MOST_TOLD: Final = 200
_COMMANDS: Final = ("mass_reset", "firmware_campaign", "profile_broadcast")


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done to the target in a storm."""

    at_s: float
    """When it was begun, run seconds."""
    took_s: float
    ok: bool
    detail: str


def source(storm: Storm, wish: Wish) -> Source:
    """Who brings the storm about."""
    if storm.ours:
        return "emulated" if storm.emulated else "stations"
    return "hook" if wish.hook is not None else "embedded"


def check_hooks(wishes: Sequence[Wish], allowed: bool) -> None:
    """Raise RefusedError where a storm runs a command and nobody allowed it."""
    for number, wish in enumerate(wishes):
        if wish.hook is not None and wish.hook.command is not None and not allowed:
            raise RefusedError(
                f"live.storms[{number}].hook.command: {wish.hook.command!r} is a command of this"
                " machine: allow it with --allow-hooks (allow_hooks=True)"
            )


def equipped(options: CsmsOptions, storms: Sequence[Storm], private: Path) -> CsmsOptions:
    """The embedded CSMS's options with what its storms need: a database, an HTTP API.

    The database is for its restart, and for the comparison after whatever breaks connections.
    Raises RefusedError where a storm sends commands and there must be several processes.
    """
    theirs = {storm.kind for storm in storms if not storm.ours}
    breaks = any(storm.kind in RECONNECTS for storm in storms)
    if breaks and options.sqlite is None:
        options = replace(options, sqlite=private / RECORDS)
    if theirs & set(_COMMANDS) and options.http is None:
        options = replace(options, http=0)
    if theirs & set(_COMMANDS) and options.workers > 1:
        kinds = ", ".join(sorted(theirs & set(_COMMANDS)))
        raise RefusedError(
            f"live.storms: {kinds}: the embedded CSMS takes commands in one process alone, and this"
            f" one may not open enough files for so many stations: raise the limit (ulimit -n), or"
            " use fewer stations"
        )
    return options


def keep_records(private: Path, folder: Path | None, tell: Callable[[str], None]) -> None:
    """Keep the database that ``equipped`` asked for with the run: the CSMS itself lost its memory.

    ``chargeswarm reconcile RUN --against RUN/csms.sqlite`` compares it with the ledger.
    ``tell`` hears where there is no room for it.
    """
    made = private / RECORDS
    if folder is not None and made.exists():
        try:
            shutil.move(made, folder / RECORDS)
        except OSError as error:
            with suppress(OSError):
                (folder / RECORDS).unlink(missing_ok=True)
            tell(f"{RECORDS} could not be kept: {error.strerror or error}")


class TargetSide:
    """What is done to the target of one run, each deed in a thread of its own at its time."""

    def __init__(
        self,
        weather: Weather,
        wishes: Sequence[Wish],
        versions: Mapping[str, str],
        csms: EmbeddedCsms | None,
        clock: Callable[[], float],
    ) -> None:
        """``versions`` is the OCPP version of each station, by id; ``clock`` the run's."""
        self._weather = weather
        self._wishes = wishes
        self._versions = versions
        self._csms = csms
        self._clock = clock
        self._ended = threading.Event()
        self._started = False
        self._said: set[tuple[int, str]] = set()
        self._fell: set[int] = set()
        """Storms in which stations were seen to be missing."""
        self._threads: list[threading.Thread] = []
        self.deeds: dict[int, Deed] = {}
        """By the number of the storm."""

    def start(self) -> None:
        """Once T0 is known; does nothing the second time."""
        if self._started:
            return
        self._started = True
        for storm, wish in zip(self._weather.storms, self._wishes, strict=True):
            if not storm.ours:
                thread = threading.Thread(target=self._do, args=(storm, wish), daemon=True)
                self._threads.append(thread)
                thread.start()

    def stop(self) -> None:
        """Nothing more is begun; what is under way has a while to end."""
        self._ended.set()
        for thread in self._threads:
            thread.join(HOOK_TIMEOUT_S)

    def said(self, snapshots: Sequence[Mapping[str, Any]]) -> list[str]:
        """What is new about the storm under way, as lines for a screen."""
        state = storm_of(snapshots).get("storm")
        if state is None:
            return []
        number, hit, present, operating = (
            state[name] for name in ("number", "hit", "present", "operating")
        )
        storm = self._weather.storms[number]
        after = self._clock() - storm.back_s
        self._fell |= {number} if operating < present else set()
        news = [("begun", True, f"hits {hit} stations, {present} in operation")]
        deed = self.deeds.get(number)
        if deed is not None:
            news.append(("deed", True, ("" if deed.ok else "FAILED: ") + deed.detail))
        if after >= 0.0:
            news.append(("over", True, f"over; {operating} in operation"))
            for level in LEVELS:
                back = number in self._fell and operating >= level * present
                news.append((f"{level}", back, f"{level:.0%} in operation again"))
        lines = []
        for key, is_so, text in news:
            if is_so and (number, key) not in self._said:
                self._said.add((number, key))
                how = " (emulated)" if storm.emulated else ""
                lines.append(f"{self._clock():.0f} s: storm {storm.kind}{how}: {text}")
        return lines

    def _do(self, storm: Storm, wish: Wish) -> None:
        if self._ended.wait(max(storm.at_s - self._clock(), 0.0)):
            return
        begun = self._clock()
        try:
            detail = self._deed(storm, wish)
            ok = True
        except (OSError, ValueError, CsmsProcessError, subprocess.SubprocessError) as error:
            detail, ok = str(error) or type(error).__name__, False
        self.deeds[storm.number] = Deed(begun, self._clock() - begun, ok, detail[:_MOST_TOLD])

    def _deed(self, storm: Storm, wish: Wish) -> str:
        if wish.hook is not None:
            return _call(wish.hook)
        assert self._csms is not None
        if storm.kind == "csms_restart":
            return self._restart(self._csms, storm)
        return self._broadcast(self._csms.http_url, storm, wish)

    def _restart(self, csms: EmbeddedCsms, storm: Storm) -> str:
        csms.kill()
        if self._ended.wait(max(storm.back_s - self._clock(), 0.0)):
            return "killed; the run was over before it was to be started again"
        csms.restart()
        return "killed (SIGKILL), started again on the same port with the same database"

    def _broadcast(self, url: str, storm: Storm, wish: Wish) -> str:
        """The command of the storm to every station that it hits."""
        hit = self._weather.names(storm.number)
        results: Counter[str] = Counter()
        for version in sorted({self._versions[name] for name in hit}):
            names = [name for name in hit if self._versions[name] == version]
            action, payload = command(wish, version, datetime.now(UTC))
            answer = _broadcast(url, action, payload, version, names)
            results.update(answer["results"])
            results.update({f"status {k}": n for k, n in answer["statuses"].items()})
        told = ", ".join(f"{count} {word}" for word, count in sorted(results.items()))
        return told or "no station was there"


def command(wish: Wish, version: str, now: datetime) -> tuple[str, dict[str, Any]]:
    """Action and payload that a storm's command is, in a version's words."""
    if wish.kind == "mass_reset":
        return "Reset", orders.reset(version, hard=wish.reset == "hard")
    if wish.kind == "firmware_campaign":
        at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
        if version == "1.6":
            return "UpdateFirmware", {"location": wish.firmware, "retrieveDate": at}
        firmware = {"location": wish.firmware, "retrieveDateTime": at}
        return "UpdateFirmware", {"requestId": 1, "firmware": firmware}
    return "SetChargingProfile", orders.profile(version, (wish.limit or 0.0) * 1000.0)


def _broadcast(
    url: str, action: str, payload: dict[str, Any], version: str, names: list[str]
) -> dict[str, Any]:
    """Have the embedded CSMS send it; stations that are not connected are left out."""
    body = {"action": action, "payload": payload, "version": version}
    for _ in range(3):
        if not names:
            break
        status, answer = _post(f"{url}/broadcast", body | {"stations": names})
        if status == 200:
            return answer
        absent = {
            str(row.get("value", "")).strip("'\"")
            for row in answer.get("problems", ())
            if row.get("field") == "stations"
        }
        if not absent & set(names):
            raise ValueError(f"{action} was refused ({status}): {answer.get('error', '')}")
        names = [name for name in names if name not in absent]
    return {"results": {}, "statuses": {}}


def _post(url: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with _OPENER.open(request, timeout=HOOK_TIMEOUT_S) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else: one address was authorised, and no other."""

    def redirect_request(self, *_: Any) -> None:
        """Never followed."""


_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def _call(hook: Hook) -> str:
    """Do what a hook says. Raises OSError, ValueError, SubprocessError where it fails."""
    if hook.command is not None:
        done = subprocess.run(
            shlex.split(hook.command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=HOOK_TIMEOUT_S,
            check=False,
        )
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        last = f": {said[-1]}" if said else ""
        if done.returncode:
            raise ValueError(f"{hook.command} ended with exit code {done.returncode}{last}")
        return f"{hook.command}{last}"
    request = urllib.request.Request(
        str(hook.url),
        hook.body.encode() or None,
        {"Content-Type": "application/json"} if hook.body else {},
        method=hook.method,
    )
    told = f"{hook.method} {hook.url}"
    try:
        with _OPENER.open(request, timeout=HOOK_TIMEOUT_S) as response:
            return f"{told}: {response.status}"
    except ConnectionResetError:  # whoever is asked to crash may not find the time to answer
        return f"{told}: the connection ended without an answer"
