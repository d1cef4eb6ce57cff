"""A scenario as loaded: the typed file with every input that it names. Immutable.

Made by `loader.load_scenario`; read by every room. It can be pickled and holds no secret except the
passwords of an inventory, which `Scenario.as_dict` leaves out.
"""

from __future__ import annotations

import datetime as dt
import operator
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex
from zoneinfo import ZoneInfo

from simulator.scenario import addresses, fields
from simulator.scenario.check_embedded import FOREIGN
from simulator.scenario.clock import next_clock_s
from simulator.scenario.model import ScenarioFile
from simulator.scenario.private import read_secret
from simulator.scenario.problems import FieldError, Problem, ScenarioError, shown
from simulator.scenario.profile_model import ArrivalProfile, StationModel, VehicleMix
from simulator.scenario.series_model import SeriesProfile
from simulator.scenario.tariff_model import CarbonProfile, Tariff

if TYPE_CHECKING:
    from simulator.scenario.inventory import InventoryStation, InventoryToken
    from simulator.scenario.network import Network
    from simulator.scenario.series import SeriesTable
    from simulator.scenario.sessions import TraceTable


@dataclass(frozen=True)
class Scenario:
    """One network, its users, the CSMS behind it and how a live run goes."""

    file: ScenarioFile
    path: Path
    arrivals: dict[str, ArrivalProfile] = field(repr=False)
    vehicles: dict[str, VehicleMix] = field(repr=False)
    models: dict[str, StationModel] = field(repr=False)
    trace: TraceTable | None = field(default=None, repr=False)
    trace_site: str | None = None
    """Name of the site that replays the trace."""
    stations: tuple[InventoryStation, ...] | None = field(default=None, repr=False)
    tokens: tuple[InventoryToken, ...] | None = field(default=None, repr=False)
    series: dict[str, SeriesProfile] = field(default_factory=dict, repr=False)
    series_tables: dict[str, SeriesTable] = field(default_factory=dict, repr=False)
    """CSV files of base load and photovoltaics, by their name as written."""
    tariffs: dict[str, Tariff] = field(default_factory=dict, repr=False)
    carbon: dict[str, CarbonProfile] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.file.scenario.name

    @property
    def seed(self) -> int:
        """The seed of every draw."""
        return self.file.scenario.seed

    @cached_property
    def timezone(self) -> ZoneInfo:
        """The zone that local times are in."""
        return ZoneInfo(self.file.scenario.timezone)

    @cached_property
    def start(self) -> dt.datetime:
        """Plan time 0, aware."""
        return self.file.scenario.start.replace(tzinfo=self.timezone)

    @property
    def duration_s(self) -> float:
        """The horizon in elapsed seconds."""
        return self.file.scenario.duration

    @cached_property
    def live_from_s(self) -> float:
        """Plan time at which a live run starts: ``live.from`` on the first day that has it."""
        return next_clock_s(self.start, self.file.live.from_)

    def network(self, stations: int | None = None) -> Network:
        """The stations; see `network.build_network`."""
        from simulator.scenario.network import build_network

        return build_network(self, stations)

    def replace(
        self,
        *,
        name: str | None = None,
        seed: int | None = None,
        duration_s: float | None = None,
        csms_url: str | None = None,
        speed: float | None = None,
        replications: int | None = None,
    ) -> Scenario:
        """A changed copy. Raises ScenarioError for a value that a file could not have either."""
        section: dict[str, Any] = {}
        problems: list[Problem] = []
        if name is not None:
            section["name"] = name
        if seed is not None:
            section["seed"] = whole(seed)
            if section["seed"] is None or seed < 0:
                problems.append(Problem("", "seed", str(seed), "a whole number of 0 or more"))
        if replications is not None:
            section["replications"] = whole(replications)
            if section["replications"] is None or not 1 <= replications <= fields.MOST_REPLICATIONS:
                expected = f"a whole number from 1 to {fields.MOST_REPLICATIONS}"
                problems.append(Problem("", "replications", str(replications), expected))
        if duration_s is not None:
            section["duration"] = float(duration_s)
            if not 0 < duration_s <= fields.LONGEST_S:
                expected = f"a duration above 0, of at most {fields.LONGEST_S:g} s"
                problems.append(Problem("", "duration_s", str(duration_s), expected))
        update: dict[str, Any] = {
            "scenario": self.file.scenario.model_copy(update=section),
        }
        if csms_url is not None:
            problems += check_url(csms_url, self.file.csms.authorised)
            if csms_url != "embedded":
                given = self.file.csms.embedded.given
                problems += [Problem("", f"csms.embedded.{n}", None, FOREIGN) for n in given]
            update["csms"] = self.file.csms.model_copy(update={"url": csms_url})
        if speed is not None:
            update["live"] = self.file.live.model_copy(update={"speed": float(speed)})
            if not 0 < speed < float("inf"):
                problems.append(Problem("", "speed", str(speed), "a number above 0"))
        if problems:
            raise ScenarioError(problems)
        return replace(self, file=self.file.model_copy(update=update))

    def password(self, environ: Mapping[str, str] | None = None) -> str | None:
        """The stations' common password, None if each has its own. For live runs only.

        Raises ScenarioError if the variable is not set, or the file is missing, empty or readable
        by others.
        """
        source = self.file.csms.password
        if source is None:
            return None
        if source.env is not None:
            value = (os.environ if environ is None else environ).get(source.env)
            if not value:
                expected = "an environment variable that is set"
                raise ScenarioError(
                    [Problem(str(self.path), "csms.password.env", shown(source.env), expected)]
                )
            return value
        assert source.file is not None
        return read_secret(
            self.path.parent / source.file, str(self.path), "csms.password.file", source.file
        )

    def api_secret(self, environ: Mapping[str, str] | None = None) -> str | None:
        """The value of the header of ``csms.api``, None if it has none. For live runs only.

        Raises ScenarioError if the variable is not set, or holds what no header can.
        """
        api = self.file.csms.api
        if api is None or api.header is None:
            return None
        value = (os.environ if environ is None else environ).get(api.header.env)
        if not value or not value.isascii() or not value.isprintable():
            expected = "an environment variable that is set, to printable ASCII"
            where = "csms.api.header.env"
            raise ScenarioError([Problem(str(self.path), where, shown(api.header.env), expected)])
        return value

    def as_dict(self) -> dict[str, Any]:
        """The scenario as resolved, JSON-able, and valid as a scenario again. No secrets."""
        return self.file.model_dump(mode="json", by_alias=True, exclude_none=True)


def whole(number: object) -> int | None:
    """A whole number (numpy's too) as a plain one; None for what is none."""
    if isinstance(number, bool) or not isinstance(number, SupportsIndex):
        return None
    return operator.index(number)


def check_url(url: str, authorised: bool) -> list[Problem]:
    """What is wrong with the address of a CSMS."""
    try:
        addresses.read_url(url)
    except FieldError as error:
        return [Problem("", "csms.url", shown(url), error.expected, error.suggestion)]
    if not addresses.is_loopback(url) and not authorised:
        expected = "a loopback address, or csms.authorised = true if you may put load on it"
        return [Problem("", "csms.url", shown(url), expected)]
    return []
