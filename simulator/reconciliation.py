"""A live run's ledger against the CSMS's own records: reading both, writing what differs.

Behind ``chargeswarm reconcile``. Records come from a CSV file or from a table of a database: SQLite
as it is (the embedded CSMS's ``--sqlite`` file needs no word more), any other through SQLAlchemy
if that is installed. The comparison itself is :mod:`simulator.measure.reconcile`.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from simulator.measure.reconcile import FAULTS, MEANINGS, Ours, Reconciliation, Theirs, reconcile
from simulator.scenario import InputError, Problem
from simulator.store import StoreError, amend_run, read_run

if TYPE_CHECKING:
    import pandas as pd

    from simulator.store import Run

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "station": (
        "station", "station_id", "charge_point_id", "charge_box_id", "charging_station_id", "cp_id",
        "chargepointid", "chargeboxid", "stationid",
    ),
    "connector": ("connector", "connector_id", "evse", "evse_id", "connectorid", "evseid"),
    "token": ("token", "id_tag", "idtag", "id_token", "idtoken", "token_uid"),
    "transaction": (
        "transaction", "transaction_id", "transactionid", "wire_id", "transaction_pk", "session_id",
        "id",
    ),
    "start": (
        "start", "start_at", "start_utc", "start_time", "start_timestamp", "started_at",
        "starttime",
    ),
    "stop": ("stop", "stop_at", "stop_utc", "stop_time", "stop_timestamp", "end", "end_time",
             "ended_at", "stopped_at", "stoptime", "endtime"),
    "meter_start": ("meter_start", "meter_start_wh", "start_value", "meterstart", "start_register"),
    "meter_stop": ("meter_stop", "meter_stop_wh", "stop_value", "meterstop", "stop_register"),
    "energy": ("energy", "energy_wh", "energy_kwh", "total_energy", "kwh", "total_kwh"),
}  # fmt: skip
"""What a column may be called, by role; a name of one's own is given as ROLE=NAME."""
REQUIRED: Final = ("station", "start")
_KWH: Final = ("kwh", "total_energy")
_MOST_SECONDS: Final = 1e11
"""A larger number is a time in milliseconds: in seconds it would lie beyond the year 5000."""


@dataclass(frozen=True, slots=True)
class Records:
    """What the CSMS recorded, and how it was read."""

    source: str
    columns: Mapping[str, str]
    rows: tuple[Theirs, ...]


def reconcile_run(
    folder: Path | str,
    against: str,
    *,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> tuple[Run, Records, Reconciliation]:
    """Compare a live run with the CSMS's records, and write the outcome into the run's folder.

    ``against`` is a CSV file, an SQLite file, or the URL of a database; ``table`` the table (or a
    SELECT) in it; ``columns`` names by role, see ``COLUMNS``. Fills in ``transactions.lost`` and
    ``.duplicated`` of the summary and writes the table ``reconciliation``. Raises StoreError for a
    folder that holds no live run, InputError for records that cannot be read.
    """
    run = read_run(folder)
    if run.kind != "live":
        raise StoreError(f"{run.path}: a {run.kind}; only a live run has a ledger to reconcile")
    if "ledger" not in run.tables:
        raise StoreError(f"{run.path}: holds no ledger.parquet: the run died before it wrote one")
    records = read_records(against, table=table, columns=columns)
    found = reconcile(
        ours_of(run),
        records.rows,
        stations=frozenset(run.table("station_messages")["station"].unique()),
        since=_epoch(run.manifest.get("started")),
        until=_epoch(run.manifest.get("ended")),
    )
    _write(run, records, found)
    return run, records, found


def _write(run: Run, records: Records, found: Reconciliation) -> None:
    counts: dict[str, int] = {kind: found.counts[kind] for kind in MEANINGS}
    told = {
        "against": records.source,
        "compared": found.compared,
        "records": len(records.rows),
        "matched": found.matched,
        "elsewhere": found.elsewhere,
        **counts,
        "clean": found.clean,
    }
    transactions = dict(run.summary.get("transactions") or {})
    transactions |= {"lost": counts["lost"], "duplicated": counts["duplicated"]}
    amend_run(
        run,
        {"transactions": transactions, "reconciliation": told},
        {"reconciliation": [asdict(difference) for difference in found.differences]},
    )


def ours_of(run: Run) -> list[Ours]:
    """The ledger of a run; times by the station's own clock, which is the one that a CSMS records.

    Ledgers that do not have it are taken by the generator's.
    """
    return [
        Ours(
            station=row["station_id"],
            connector=int(row["evse"]),
            token=row["token"],
            transaction_id=row["transaction_id"] or None,
            start=_time(row.get("start_told_utc")) or row["start_utc"].timestamp(),
            stop=_time(row.get("stop_told_utc")) or _time(row["stop_utc"]),
            meter_start=float(row["meter_start_wh"]),
            meter_stop=_number(row["meter_stop_wh"]),
            start_acked=bool(row["start_acked"]),
            stop_acked=bool(row["stop_acked"]),
        )
        for row in _rows(run.table("ledger"))
    ]


# -- records of the CSMS --------------------------------------------------------------------------


def read_records(
    against: str, *, table: str | None = None, columns: Mapping[str, str] | None = None
) -> Records:
    """Read the records of a CSMS; InputError for what cannot be read as such."""
    frame, source = _frame(against, table)
    roles = _roles(frame, source, columns or {})
    rows = [_record(row, roles, source, number) for number, row in enumerate(_rows(frame), 1)]
    return Records(source, roles, tuple(rows))


def _frame(against: str, table: str | None) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    url = urlsplit(against)
    if "://" in against and url.scheme != "sqlite":
        return _database(against, table)
    path = Path(against.removeprefix("sqlite:///") if url.scheme == "sqlite" else against)
    if not path.is_file():
        raise _wrong(str(path), "--against", against, "a file that exists, or a database's URL")
    with path.open("rb") as file:
        is_sqlite = file.read(16) == b"SQLite format 3\0"
    if is_sqlite:
        return _sqlite(path, table)
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False), path.name
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise _wrong(str(path), "", str(error), "a CSV file with a header, or SQLite") from None


def _sqlite(path: Path, table: str | None) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        try:
            frame = pd.read_sql_query(_select(table), db)
        except (sqlite3.Error, pd.errors.DatabaseError) as error:
            names = [row[0] for row in db.execute("SELECT name FROM sqlite_master")]
            why = f"a table of this file: {', '.join(names) or 'it has none'} ({error})"
            raise _wrong(str(path), "--table", table or "transactions", why) from None
    if table is None and {"wire_id", "version"} <= set(frame.columns):
        # The embedded CSMS: the number is the id of 1.6, the station's own id that of 2.0.1.
        frame["transaction"] = frame["wire_id"].where(frame["wire_id"] != "", frame["id"])
        if "evse" in frame:
            frame["connector"] = frame["evse"].where(frame["evse"] > 0, frame["connector"])
    return frame, path.name


def _database(against: str, table: str | None) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    shown = urlsplit(against)._replace(query="").geturl()
    if "@" in shown:
        scheme, _, rest = shown.partition("://")
        shown = f"{scheme}://{rest.partition('@')[2]}"
    try:
        sqlalchemy: Any = import_module("sqlalchemy")
    except ImportError:
        raise _wrong(
            "", "--against", shown, "SQLite or CSV; other databases need the package sqlalchemy"
        ) from None
    try:
        engine = sqlalchemy.create_engine(against)
        with engine.connect() as connection:
            return pd.read_sql_query(sqlalchemy.text(_select(table)), connection), shown
    except (ImportError, sqlalchemy.exc.SQLAlchemyError) as error:
        raise _wrong("", "--against", shown, f"a database that answers ({error})") from None


def _select(table: str | None) -> str:
    name = table or "transactions"
    return name if name.lstrip().lower().startswith("select ") else f"SELECT * FROM {name}"


def _roles(frame: pd.DataFrame, source: str, given: Mapping[str, str]) -> dict[str, str]:
    """The column of each role."""
    problems = []
    there = {str(name).casefold(): str(name) for name in frame.columns}
    roles: dict[str, str] = {}
    for role, name in given.items():
        if role not in COLUMNS:
            problems.append(Problem("", "--column", f"{role}={name}", " | ".join(COLUMNS)))
        elif name.casefold() not in there:
            shown = ", ".join(there.values())
            problems.append(Problem("", "--column", f"{role}={name}", f"one of {shown}"))
        else:
            roles[role] = there[name.casefold()]
    for role, names in COLUMNS.items():
        if role not in roles:
            found = next((there[name] for name in names if name in there), None)
            if found is not None:
                roles[role] = found
            elif role in REQUIRED and not problems:
                expected = f"a column of that name; or --column {role}=NAME"
                problems.append(
                    Problem("", f"{source}: {role}", ", ".join(there.values()), expected)
                )
    if problems:
        raise InputError(problems)
    return roles


def _rows(frame: pd.DataFrame) -> Sequence[Mapping[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _record(row: Mapping[str, Any], roles: Mapping[str, str], source: str, number: int) -> Theirs:
    def text(role: str) -> str | None:
        value = row.get(roles.get(role, ""))
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return None
        whole = isinstance(value, float) and value.is_integer()
        return str(int(value)) if whole else str(value)

    def figure(role: str) -> float | None:
        said = text(role)
        try:
            return None if said is None else float(said)
        except ValueError:
            raise _wrong(source, f"row {number}: {roles[role]}", said, "a number") from None

    def moment(role: str) -> float | None:
        said = text(role)
        try:
            return None if said is None else _moment(said)
        except ValueError:
            expected = "a time in ISO 8601, or seconds or milliseconds since 1970"
            raise _wrong(source, f"row {number}: {roles[role]}", said, expected) from None

    connector, energy = figure("connector"), figure("energy")
    if energy is not None and any(word in roles["energy"].casefold() for word in _KWH):
        energy *= 1000.0
    return Theirs(
        station=text("station") or "",
        connector=None if connector is None else int(connector),
        token=text("token"),
        transaction_id=text("transaction"),
        start=moment("start"),
        stop=moment("stop"),
        meter_start=figure("meter_start"),
        meter_stop=figure("meter_stop"),
        energy=energy,
    )


def _moment(text: str) -> float:
    """Unix seconds; a time without a zone is UTC."""
    try:
        number = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
        zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return zoned.timestamp()
    if not math.isfinite(number):
        raise ValueError(text)
    return number / 1000.0 if abs(number) > _MOST_SECONDS else number


def _epoch(moment: Any) -> float:
    return _moment(str(moment)) if moment else math.inf


def _time(value: Any) -> float | None:
    import pandas as pd

    return None if pd.isna(value) else float(value.timestamp())


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _wrong(file: str, field: str, value: object, expected: str) -> InputError:
    return InputError([Problem(file, field, repr(value), expected)])


def told(found: Reconciliation) -> list[tuple[str, int, str]]:
    """Each kind of difference that there is: name, count, meaning; the CSMS's faults first."""
    order = [*FAULTS, *(kind for kind in MEANINGS if kind not in FAULTS)]
    return [(k, found.counts[k], MEANINGS[k]) for k in order if found.counts[k]]
