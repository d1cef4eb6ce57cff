"""How drivers start, checked against who could start them: versions and the CSMS's own API.

Part of :mod:`simulator.scenario.checks`: works on the tables as read, one message per mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from simulator.scenario import addresses, units
from simulator.scenario.check_mixes import versions_at
from simulator.scenario.problems import Problem

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables
    from simulator.scenario.document import Loc

WAYS: Final = ("rfid", "app", "free", "plug_and_charge")
NO_CONTRACTS: Final = "nothing here: OCPP 1.6 knows no contract certificates (plug and charge)"


def check_starts(tables: Tables) -> Iterator[Problem]:
    """Every problem of ``start`` at the sites, and of ``csms.api``."""
    for index in tables.tables("sites"):
        yield from _shares(tables, ("sites", index))
    yield from _api(tables)


def _share(tables: Tables, loc: Loc, name: str) -> float | None:
    value = tables.get(*loc, "start", name)
    return units.parse(units.RATIO, value) if value is not None else None


def _shares(tables: Tables, loc: Loc) -> Iterator[Problem]:
    where = (*loc, "start")
    start = tables.get(*where)
    if not isinstance(start, dict):
        return
    if not tables.has(*loc, "arrivals") and not tables.get(*loc, "depot"):
        expected = "nothing here: it is for cars of a vehicle mix (arrivals or depot)"
        yield tables.problem(where, expected)
    shares = {name: _share(tables, loc, name) for name in WAYS}
    total = sum(share for share in shares.values() if share is not None)
    wrong = any(tables.wrong((*where, name)) for name in start)
    if not wrong and abs(total - 1.0) > 1e-6:
        yield tables.problem(where, f"shares that sum to 1, not {total:g}")
    old = "1.6" in versions_at(tables, loc)
    if shares["plug_and_charge"] and old and not tables.wrong(("csms", "versions")):
        expected = f'{NO_CONTRACTS}; csms.versions = {{ "2.0.1" = 1.0 }} has none of them'
        yield tables.problem((*where, "plug_and_charge"), expected)
    url = tables.get("csms", "url")
    foreign = url not in (None, "embedded") and not tables.has("csms", "api", "start")
    if shares["app"] and foreign:
        expected = "nothing here, or the call by which an app starts a charge at this CSMS"
        yield tables.problem((*where, "app"), f"{expected} (csms.api.start)")


def _api(tables: Tables) -> Iterator[Problem]:
    if not tables.has("csms", "api"):
        return
    if tables.get("csms", "url") in (None, "embedded") and not tables.wrong(("csms", "url")):
        yield tables.problem(
            ("csms", "api"), "nothing here: the embedded CSMS has an API of its own", show=False
        )
    url = tables.get("csms", "api", "url")
    if (
        isinstance(url, str)
        and not addresses.is_loopback(url)
        and tables.get("csms", "authorised") is not True
        and not tables.wrong(("csms", "authorised"))
    ):
        expected = "a loopback address, or csms.authorised = true if you may put load on it"
        yield tables.problem(("csms", "api", "url"), expected)
