"""Checks of the sockets of a live run, and of what may end it early."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from simulator.scenario.problems import FieldError
from simulator.scenario.slo import parse_clause, watchable

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables
    from simulator.scenario.problems import Problem


def check_live(tables: Tables) -> Iterator[Problem]:
    """Every mistake in sources and abort clauses."""
    yield from _sources(tables)
    yield from _aborts(tables)


def _sources(tables: Tables) -> Iterator[Problem]:
    """Each address once, all of the kind that the target's has."""
    values = tables.get("live", "sources")
    seen: dict[str, int] = {}
    family = _target_family(tables.get("csms", "url") or "embedded")
    for index, value in enumerate(values if isinstance(values, list) else ()):
        loc = ("live", "sources", index)
        if tables.wrong(loc) or not isinstance(value, str):
            continue
        address = ipaddress.ip_address(value.strip())
        if str(address) in seen:
            expected = f"an address of its own (sources[{seen[str(address)]}] is that one)"
            yield tables.problem(loc, expected)
        seen.setdefault(str(address), index)
        if address.is_unspecified or address.is_multicast:
            yield tables.problem(loc, "an address of one interface of this machine")
        elif family is not None and address.version != family:
            yield tables.problem(loc, f"an IPv{family} address, as the target's is")


def _target_family(url: object) -> int | None:
    """4 or 6 where the target is given as an address; None where a name is looked up."""
    if url == "embedded":
        return 4
    host = urlsplit(url).hostname if isinstance(url, str) else None
    try:
        return ipaddress.ip_address(host or "").version
    except ValueError:
        return None


def _aborts(tables: Tables) -> Iterator[Problem]:
    """A clause that ends a run early must be about something that is known every second."""
    for index in tables.tables("slo", "abort"):
        text = tables.get("slo", "abort", index, "when")
        if not isinstance(text, str):
            continue
        try:
            clause = parse_clause(text)
        except FieldError:
            continue
        if not watchable(clause):
            expected = (
                "a clause about what is known while the run lasts: p50, p95 or p99 of (*.response),"
                " errors.ratio, calls.*, stations.*"
            )
            yield tables.problem(("slo", "abort", index, "when"), expected)
