"""Inventories of an existing back-end: ``stations.csv`` and ``tokens.csv``.

Reading only; the fleet room writes the same files. A file that holds passwords must be private.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from simulator.scenario.csvfile import read_rows, read_text
from simulator.scenario.fields import VERSIONS
from simulator.scenario.private import is_private
from simulator.scenario.problems import InputError, Problem, listed, nearest, shown

STATION_COLUMNS = ("id", "version", "vendor", "model", "serial", "connectors", "password")
TOKEN_COLUMNS = ("token", "type", "status")
LONGEST = {
    "1.6": {"vendor": 20, "model": 20, "serial": 25},
    "2.0.1": {"vendor": 50, "model": 20, "serial": 25},
}
"""How long a station's texts may be by version (1.6 §6.3, 2.0.1 ChargingStationType)."""
TOKEN_TYPES = (
    "Central",
    "eMAID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "NoAuthorization",
)
"""IdTokenEnumType of OCPP 2.0.1."""
TOKEN_STATUSES = ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx")
"""AuthorizationStatus of OCPP 1.6."""


@dataclass(frozen=True, slots=True)
class InventoryStation:
    """One row of ``stations.csv``."""

    id: str
    version: str
    vendor: str
    model: str
    serial: str
    connectors: int
    password: str = field(repr=False)
    """Empty if the station has none."""
    line: int = 0


@dataclass(frozen=True, slots=True)
class InventoryToken:
    """One row of ``tokens.csv``."""

    token: str
    type: str
    status: str


@dataclass(frozen=True, slots=True)
class _Wrong:
    """Reports what is wrong in one row."""

    label: str
    line: int
    cell: dict[str, str]
    problems: list[Problem]

    def __call__(self, column: str, expected: str, near: str | None = None) -> None:
        text = self.cell[column]
        where = f"line {self.line}, column {column!r}"
        value = shown(text, column) if text else None
        self.problems.append(Problem(self.label, where, value, expected, near))


def read_stations(
    path: Path, label: str, *, needs_password: bool = False
) -> tuple[InventoryStation, ...]:
    """Read ``stations.csv``. Raises InputError with every mistake."""
    problems: list[Problem] = []
    stations = []
    seen: dict[str, int] = {}
    for line, cell in _rows(path, label, STATION_COLUMNS, problems):
        wrong = _Wrong(label, line, cell, problems)
        identity = cell["id"]
        if not 0 < len(identity) <= 48 or ":" in identity:
            wrong("id", "a station identity of 1 to 48 characters without ':'")
        elif identity in seen:
            wrong("id", f"an identity of its own (line {seen[identity]} has it)")
        seen.setdefault(identity, line)
        if cell["version"] not in VERSIONS:
            expected = f"a supported OCPP version: {listed(VERSIONS)}"
            wrong("version", expected, nearest(cell["version"], VERSIONS))
        version = cell["version"] if cell["version"] in VERSIONS else VERSIONS[-1]
        for column, most in LONGEST[version].items():
            if not 0 < len(cell[column]) <= most:
                wrong(column, f"text of 1 to {most} characters, as OCPP {version} has it")
        number = cell["connectors"]
        if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= 1000):
            wrong("connectors", "a whole number of connectors of 1 or more")
            number = "1"
        if needs_password and not cell["password"]:
            wrong(
                "password", "a password (security_profile = 1 or 2, and csms.password is not set)"
            )
        stations.append(
            InventoryStation(
                identity,
                cell["version"],
                cell["vendor"],
                cell["model"],
                cell["serial"],
                int(number),
                cell["password"],
                line,
            )
        )
    _private(path, label, any(station.password for station in stations), problems)
    _finish(label, bool(stations), "station", problems)
    return tuple(stations)


def read_tokens(path: Path, label: str) -> tuple[InventoryToken, ...]:
    """Read ``tokens.csv``. Raises InputError with every mistake."""
    problems: list[Problem] = []
    tokens = []
    seen: dict[str, int] = {}
    for line, cell in _rows(path, label, TOKEN_COLUMNS, problems):
        token = cell["token"]
        where = f"line {line}, column "
        if not 0 < len(token) <= 20:
            expected = "a token of 1 to 20 characters, as OCPP 1.6 has it"
            problems.append(Problem(label, f"{where}'token'", None, expected))
        elif token.casefold() in seen:
            expected = f"a token of its own (line {seen[token.casefold()]} has it)"
            problems.append(Problem(label, f"{where}'token'", None, expected))
        seen.setdefault(token.casefold(), line)
        for column, known in (("type", TOKEN_TYPES), ("status", TOKEN_STATUSES)):
            if cell[column] not in known:
                near = nearest(cell[column], known)
                value = shown(cell[column]) if cell[column] else None
                problems.append(Problem(label, f"{where}{column!r}", value, listed(known), near))
        tokens.append(InventoryToken(token, cell["type"], cell["status"]))
    if tokens and not problems and all(token.status != "Accepted" for token in tokens):
        expected = "at least one token with the status Accepted, or no driver can charge"
        problems.append(Problem(label, "column 'status'", None, expected))
    _finish(label, bool(tokens), "token", problems)
    return tuple(tokens)


def _rows(
    path: Path, label: str, columns: tuple[str, ...], problems: list[Problem]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows that have as many values as the header, by column."""
    for line, cells in read_rows(read_text(path, label), label, columns, problems):
        yield line, {n: cell if n == "password" else cell.strip() for n, cell in cells.items()}


def _private(path: Path, label: str, secret: bool, problems: list[Problem]) -> None:
    if secret and not is_private(path):
        expected = f"a file with mode 0600, since it holds passwords (chmod 600 {path.name})"
        problems.append(Problem(label, "", None, expected))


def _finish(label: str, found: bool, what: str, problems: list[Problem]) -> None:
    if not found and not problems:
        problems.append(Problem(label, "", None, f"at least one {what}"))
    if problems:
        raise InputError(problems)
