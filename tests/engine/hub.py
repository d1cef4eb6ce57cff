"""A made-up hub as a scenario file, with events, for the tests of events."""

from __future__ import annotations

from simulator import load_scenario
from simulator.engine import simulate_network

HUB = """\
[scenario]
name = "hub"
seed = 3
start = {start}
timezone = "Europe/Berlin"
duration = "{days}d"

[[sites]]
name = "hub"
count = {count}
stations = [{{ model = "ac-22-dual", count = {stations} }}]
grid_limit = "{limit}"
arrivals = "public-ac"
visits_per_evse_day = {rate}
vehicles = "europe-2021"
queue = 4
{extra}
"""


def maker(folder):
    """Writes a hub into ``folder`` and loads it; ``events`` are TOML."""

    def make(events="", days=2, count=1, stations=10, limit="100 kW", rate=4.0, **more):
        more = {"start": "2026-06-01T00:00:00", "extra": ""} | more
        text = HUB.format(days=days, count=count, stations=stations, limit=limit, rate=rate, **more)
        path = folder / "hub.toml"
        path.write_text(text + events)
        return load_scenario(path)

    return make


def run(scenario, **options):
    return simulate_network(scenario, scenario.network(), **options)


def event(kind, options, sites=None):
    where = f"sites = {sites}\n".replace("'", '"') if sites else ""
    return f'\n[[events]]\nkind = "{kind}"\n{where}options = {options}\n'
