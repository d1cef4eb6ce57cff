"""Writes what a real back-end must be told before this network may connect: stations and tokens.

``stations.csv`` and ``tokens.csv`` are the files that ``fleet`` and ``tokens`` in a scenario read
(``simulator.scenario.inventory``): read back, they give the same network and every EVSE the same
tokens. They hold passwords, so they are private from their first byte (mode 0600), and they appear
whole or not at all.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.fleet.identity import (
    ACCEPTED,
    NO_CARDS,
    TokenPools,
    evse_positions,
    provisioned,
    station_password,
    token_pools,
)
from simulator.fleet.rules import TOKENS_PER_EVSE
from simulator.fleet.setup import in_force
from simulator.scenario.inventory import STATION_COLUMNS, TOKEN_COLUMNS
from simulator.station.authorisation import button_token
from simulator.station.versions import TABLES

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario

STATIONS_FILE: Final = "stations.csv"
TOKENS_FILE: Final = "tokens.csv"
TOKEN_TYPE: Final = "ISO14443"
"""What an RFID card is in OCPP 2.0.1; 1.6 does not tell kinds of token apart."""
LOCAL, EMAID = NO_CARDS


class ExportError(Exception):
    """The inventory could not be written; the message says which file and what to do."""

    exit_code = 1


def export(
    scenario: Scenario,
    network: Network,
    folder: Path | str,
    overwrite: bool = False,
    password: str | None = None,
) -> tuple[Path, Path]:
    """Write ``stations.csv`` and ``tokens.csv`` into ``folder`` (made if it is missing).

    ``password`` is the one that all stations share; without it the scenario says whether there is
    one. Returns the two paths. Raises ExportError if a file is there already (unless
    ``overwrite``) or cannot be written, existing files being untouched then; ScenarioError if the
    shared password cannot be had.
    """
    shared = scenario.password() if password is None else password
    folder = Path(folder)
    stations, tokens = folder / STATIONS_FILE, folder / TOKENS_FILE
    there = [path for path in (stations, tokens) if path.exists() or path.is_symlink()]
    if there and not overwrite:
        names = " and ".join(str(path) for path in there)
        raise ExportError(
            f"{names}: there already; choose another folder, or replace them with --force"
        )
    drafts: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drafts.append(_draft(folder, STATION_COLUMNS, _station_rows(scenario, network, shared)))
        drafts.append(_draft(folder, TOKEN_COLUMNS, _token_rows(scenario, network)))
        for draft, path in zip(drafts, (stations, tokens), strict=True):
            draft.replace(path)
    except FileExistsError as error:
        raise ExportError(f"{folder}: is a file; expected a folder to write to") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"{folder}: cannot be written: {reason}") from error
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
    return stations, tokens


def _station_rows(
    scenario: Scenario, network: Network, password: str | None
) -> Iterable[Sequence[object]]:
    for site in network.sites:
        for station in site.stations:
            yield (
                station.id,
                station.version,
                station.vendor,
                station.model_name,
                station.serial,
                station.evses,
                station_password(scenario, station, password),
            )


def _token_rows(scenario: Scenario, network: Network) -> Iterable[Sequence[object]]:
    """All tokens, in the order in which reading them gives every EVSE its own again."""
    if scenario.tokens is not None:
        for token in scenario.tokens:
            yield token.token, token.type, token.status
        return
    stations = [station for site in network.sites for station in site.stations]
    first = evse_positions([station.evses for station in stations])
    pools = token_pools(scenario, network.evses)
    for status in (ACCEPTED, *provisioned(scenario)):
        for turn in range(TOKENS_PER_EVSE):
            for station, position in zip(stations, first, strict=True):
                for evse in range(1, station.evses + 1):
                    where = (station.site, station.ordinal, evse, position + evse - 1, turn)
                    if status == ACCEPTED:
                        yield pools.token(*where), TOKEN_TYPE, status
                    else:
                        yield pools.bad_token(status, *where), TOKEN_TYPE, status
    yield from _without_card(network, pools)


def _without_card(network: Network, pools: TokenPools) -> Iterable[Sequence[object]]:
    """What drivers without a card start by, where the CSMS must know it."""
    buttons, contracts = (_sites_with(network, way) for way in ("free", "plug_and_charge"))
    for site in network.sites:
        name = site.site.name
        for station in site.stations:
            conf = in_force(station.model, station.version)
            if name in buttons or not conf.authorisation:
                own = button_token(conf, TABLES[station.version], station.serial or station.id)
                if own:
                    yield own, LOCAL, ACCEPTED
            for evse in range(1, station.evses + 1) if name in contracts else ():
                for turn in range(TOKENS_PER_EVSE):
                    emaid = pools.emaid(station.site, station.ordinal, evse, turn)
                    yield emaid, EMAID, ACCEPTED


def _sites_with(network: Network, way: str) -> set[str]:
    """The sites where drivers may start that way: their own, or who drive on from another site."""
    sites = {site.site.name: site.site for site in network.sites}
    found: set[str] = set()
    coming = [name for name, site in sites.items() if site.start and getattr(site.start, way)]
    while coming:
        name = coming.pop()
        if name in sites and name not in found:
            found.add(name)
            reroute = sites[name].reroute
            coming += reroute.to if reroute is not None else ()
    return found


def _draft(folder: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """A complete private file next to its final place (``mkstemp`` makes it with mode 0600)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".inventory-", suffix=".csv")
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path
