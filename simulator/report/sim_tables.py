"""Which table of a simulation holds what: its rows, its columns and their units.

Fixed text; the page shows it of the tables that the run has. A test holds it to the schemas.
"""

from __future__ import annotations

from simulator.report.page import Block, Section, Table
from simulator.report.reading import Reading

Columns = dict[str, tuple[str, str]]
"""Unit and meaning by column; an instant has its time zone for a unit, a text or a count none."""

_SITE = ("", "name of the site; copies have a number: ring-road#2")
_START = ("UTC", "start of the interval")
_START_S = ("s", "the same, since the start of the scenario")
_ENERGY = ("kWh", "grid side, exact")
_MEAN = ("kW", "that energy over the interval")
_OCCUPIED = ("EVSEs", "mean number with a vehicle plugged in")
_QUEUE = ("vehicles", "mean number waiting for an EVSE")
_STATION = ("", "the station's OCPP identity")
_EVSE = ("", "number of the EVSE at its station")

TABLES: dict[str, tuple[str, Columns]] = {
    "sessions": (
        "visit, with what became of it",
        {
            "site": _SITE,
            "station": _STATION,
            "evse": _EVSE,
            "session": ("", "its label in a trace"),
            "outcome": ("", "what became of it, as in the report's section Sessions"),
            "arrival": ("UTC", "when it turned up"),
            "plug_in": ("UTC", "when it got an EVSE"),
            "charge_end": ("UTC", "when it stopped charging"),
            "unplug": ("UTC", "when it left"),
            "wait_s": ("s", "from arrival to plug-in"),
            "energy_kwh": ("kWh", "delivered, grid side"),
            "unserved_kwh": ("kWh", "wanted and not delivered, grid side; 0 until it is over"),
            "limit_kw": ("kW", "the most that vehicle and EVSE can draw together"),
            "battery_kwh": ("kWh", "capacity of its battery"),
            "soc_arrival": ("0..1", "state of charge on arrival"),
            "soc_target": ("0..1", "state of charge that it wants"),
            "soc_end": ("0..1", "state of charge at the end"),
            "charged_kwh": ("kWh", "taken, grid side (vehicle to grid)"),
            "discharged_kwh": ("kWh", "given back, grid side (vehicle to grid)"),
            "energy_cost": ("currency", "its energy at the site's price"),
            "carbon_kg": ("kg", "CO2 of its energy"),
            "idle_min": ("min", "plugged in after charging"),
            "idle_fee": ("currency", "what the driver pays for that"),
            "revenue": ("currency", "all that the driver pays"),
        },
    ),
    "load": (
        "site and recording interval",
        {
            "site": _SITE,
            "start": _START,
            "start_s": _START_S,
            "energy_kwh": _ENERGY,
            "mean_kw": _MEAN,
            "occupied_evses": _OCCUPIED,
            "queue": _QUEUE,
            "base_kw": ("kW", "mean of building and the stations' standby"),
            "pv_kw": ("kW", "mean of the photovoltaics"),
            "battery_kw": ("kW", "mean into the stationary battery; below 0: out of it"),
            "net_kw": ("kW", "mean at the meter; below 0: given to the grid"),
        },
    ),
    "network": (
        "recording interval, all sites together",
        {
            "start": _START,
            "start_s": _START_S,
            "energy_kwh": _ENERGY,
            "mean_kw": _MEAN,
            "occupied_evses": _OCCUPIED,
            "queue": _QUEUE,
        },
    ),
    "stations": (
        "station",
        {
            "site": _SITE,
            "station": _STATION,
            "evses": ("", "its EVSEs"),
            "sessions": ("", "sessions that came after the warm-up"),
            "energy_kwh": ("kWh", "delivered to these, grid side"),
            "occupied_s": ("s", "EVSE-seconds with a vehicle plugged in"),
            "peak_kw": ("kW", "largest instantaneous power, with record.evses"),
            "peak_mean_kw": ("kW", "largest mean of a recording interval, with record.evses"),
            "utilisation": ("0..1", "share of EVSE time with a vehicle plugged in"),
        },
    ),
    "evses": (
        "EVSE and recording interval in which energy flowed (with record.evses)",
        {
            "site": _SITE,
            "station": _STATION,
            "evse": _EVSE,
            "start": _START,
            "start_s": _START_S,
            "energy_kwh": _ENERGY,
            "mean_kw": _MEAN,
        },
    ),
    "outages": (
        "time without service (with events)",
        {
            "site": _SITE,
            "station": ("", "the station's OCPP identity; empty: the whole site"),
            "evse": ("", "number of the EVSE at its station; empty: all"),
            "start": ("UTC", "when it began"),
            "end": ("UTC", "when service came back; empty: after the end of the run"),
            "start_s": ("s", "when it began, since the start of the scenario"),
            "lasted_s": ("s", "how long, within the run"),
        },
    ),
    "distributions": (
        "bin of a quantity",
        {
            "quantity": ("", "wait_s, energy_kwh or stay_s"),
            "low": ("as named", "values above this"),
            "high": ("as named", "and up to this; the first bin of a quantity: 0 exactly"),
            "count": ("visits", "how many"),
        },
    ),
    "messages": (
        "bucket of time (a minute) and OCPP message type",
        {
            "source": ("", "predicted"),
            "bucket_s": ("s", "start of the bucket since the start of the scenario"),
            "action": ("", "the type"),
            "direction": ("", "who calls: station or csms"),
            "count": ("calls", "how many"),
        },
    ),
    "replications": (
        "replication and figure (with replications)",
        {
            "replication": ("", "its number; 0 is the run of all the other tables"),
            "figure": ("", "its name"),
            "value": ("as named", "in the unit that the name ends with"),
        },
    ),
}
"""What a row is, and the columns, by name of the table."""


def section(reading: Reading) -> Section:
    """The tables that this run has, and their columns."""
    here = {name: TABLES[name] for name in TABLES if reading.columns(name)}
    if not here:
        return Section("tables", "Tables", ())
    files: list[list[str]] = []
    columns = []
    for name, (row, legend) in here.items():
        found = reading.columns(name)
        files.append([f"{name}.parquet", row])
        columns += [
            [f"{name}.parquet", column, unit or "–", meaning]
            for column, (unit, meaning) in legend.items()
            if column in found
        ]
    files.append(["summary.json", "– (what the run adds up to, in total and by site)"])
    blocks: list[Block] = [
        Table("", ("<file", "<one row per"), files),
        Table("Every column", ("<file", "<column", "<unit", "<what it is"), columns, "", 6),
    ]
    return Section("tables", "Tables", blocks, "What the figures are made of, beside this page.")
