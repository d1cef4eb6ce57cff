"""How the embedded CSMS is set up for a run: what the scenario says, and what the run needs.

It must know the stations where they are to show passwords, and the tokens where drivers are to be
refused; both are exported for it, unless the scenario names files of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.csms import CsmsOptions
from simulator.csms.limits import raise_fd_limit
from simulator.fleet.identity import provisioned
from simulator.scenario.check_embedded import boot_script_path

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario

FAST_FROM: Final = 2_000
"""Stations from which on the embedded CSMS does not answer by the ``ocpp`` package: that would need
most of the machine's CPU time."""
SPARE_FILES: Final = 2_000
"""Of those that a process may have open, for connections that come back before the old ones go."""
HEARTBEAT_S: Final = 300
"""Heartbeat interval that the embedded CSMS gives where the scenario does not say."""


def heartbeat_s(scenario: Scenario) -> float:
    """The interval that it gives to stations that it accepts."""
    file = scenario.file
    given = file.csms.embedded.heartbeat
    given = file.live.heartbeat if given is None else given
    return float(max(1, round(given))) if given is not None else float(HEARTBEAT_S)


def _ends(stations: int, files: int | None = None) -> tuple[bool, int]:
    """Whether its own code answers, and in how many processes, for a fleet of that size.

    ``files`` may be open in a process; None: as the system has it.
    """
    limit = raise_fd_limit() if files is None else files
    return stations >= FAST_FROM, max(1, -(-stations // max(limit - SPARE_FILES, 1)))


def csms_workers(stations: int) -> int:
    """In how many processes it runs for a fleet of that size, by the limit of open files."""
    return _ends(stations)[1]


def csms_options(
    scenario: Scenario,
    network: Network,
    private: Path,
    password: str | None,
    *,
    with_api: bool = False,
) -> CsmsOptions:
    """Its options; what it is to know is written into the folder ``private``.

    ``with_api``: its HTTP API is needed, for drivers who start by app and for calls.
    """
    asked, beside = scenario.file.csms.embedded, scenario.path.parent
    known = None if asked.stations is None else (beside / asked.stations).absolute()
    tokens = None if asked.tokens is None else (beside / asked.tokens).absolute()
    secured = scenario.file.csms.security_profile >= 1 and known is None
    drivers = [site.drivers for site in scenario.file.sites if site.drivers is not None]
    refuses = tokens is None and (
        any(who.wrong_token for who in drivers) or bool(provisioned(scenario))
    )
    if secured or refuses:
        from simulator.fleet.inventory import export

        stations, listed = export(scenario, network, private, password=password)
        known = stations if secured else known
        tokens = listed if refuses else tokens
    fast, workers = _ends(network.stations)
    script = None if asked.on_boot is None else boot_script_path(asked.on_boot, beside)
    return CsmsOptions(
        port=0,
        fast=fast,
        workers=workers,
        stations=known,
        tokens=tokens,
        heartbeat_interval_s=int(heartbeat_s(scenario)),
        sqlite=None if asked.sqlite is None else (beside / asked.sqlite).absolute(),
        http=0 if asked.http is None and with_api else asked.http,
        on_boot=None if script is None else script.absolute(),
    )
