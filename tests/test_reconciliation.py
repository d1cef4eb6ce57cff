"""A live run's folder against records of a CSMS in files, as ``chargeswarm reconcile`` does it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulator.cli import run as cli
from simulator.reconciliation import read_records, reconcile_run
from simulator.scenario import InputError
from simulator.store import RunFolder, StoreError, read_run

START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NAMES = ("A", "B", "C")


def ledger_row(number: int) -> dict[str, object]:
    start = START + timedelta(minutes=number)
    return {
        "station_id": NAMES[number % 3],
        "evse": 1,
        "local_id": number,
        "transaction_id": str(number),
        "token": f"TOKEN{number}",
        "start_utc": start,
        "stop_utc": start + timedelta(seconds=40),
        "meter_start_wh": 100.0 * number,
        "meter_stop_wh": 100.0 * number + 50.0,
        "energy_wh": 50.0,
        "status": "Accepted",
        "reason": "Local",
        "start_acked": True,
        "stop_acked": True,
        "retries": 0,
        "discarded": False,
        "state": "closed",
    }


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A finished live run of six transactions."""
    folder = RunFolder.create(tmp_path / "run", "yard", "live")
    folder.write_table("ledger", [ledger_row(number) for number in range(6)])
    rows = [{"station": n, "action": "Heartbeat", "predicted": 1, "measured": 1} for n in NAMES]
    folder.write_table("station_messages", rows)
    folder.finish({"transactions": {"started": 6, "lost": None, "duplicated": None}})
    manifest = folder.manifest | {
        "started": START.isoformat(),
        "ended": (START + timedelta(hours=1)).isoformat(),
    }
    folder.write_json("manifest.json", manifest)
    return folder.path


def record(number: int) -> dict[str, object]:
    row = ledger_row(number)
    return {
        "Charge_Point_ID": row["station_id"],
        "id_tag": row["token"],
        "transaction_pk": row["transaction_id"],
        "start_time": row["start_utc"].isoformat(),
        "stop_time": row["stop_utc"].isoformat(),
        "kWh": 0.05,
    }


def write_csv(path: Path, rows: list[dict[str, object]]) -> Path:
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_columns_are_known_by_their_common_names(live: Path, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "theirs.csv", [record(number) for number in range(6)])
    _, records, found = reconcile_run(live, str(file))
    assert records.columns["energy"] == "kWh"
    assert found.clean and found.matched == 6


def test_what_is_found_is_written_into_the_run(live: Path, tmp_path: Path) -> None:
    rows = [record(number) for number in (0, 1, 2, 3, 4)]
    rows[2]["kWh"] = 0.06
    rows.append(record(4) | {"transaction_pk": "99"})
    file = write_csv(tmp_path / "theirs.csv", rows)
    reconcile_run(live, str(file))
    run = read_run(live)
    assert run.summary["transactions"] == {"started": 6, "lost": 1, "duplicated": 1}
    assert run.summary["reconciliation"]["wrong_energy"] == 1
    assert not run.summary["reconciliation"]["clean"]
    table = run.table("reconciliation")
    assert sorted(table["kind"]) == ["duplicated", "lost", "wrong_energy"]
    assert set(table[table.kind == "lost"]["station"]) == {"C"}


def test_a_second_comparison_takes_the_place_of_the_first(live: Path, tmp_path: Path) -> None:
    reconcile_run(live, str(write_csv(tmp_path / "a.csv", [record(0)])))
    reconcile_run(live, str(write_csv(tmp_path / "b.csv", [record(n) for n in range(6)])))
    run = read_run(live)
    assert run.summary["transactions"]["lost"] == 0
    assert len(run.table("reconciliation")) == 0


def test_sqlite_is_read_by_table_or_query_and_times_as_numbers(live: Path, tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE sessions (cp TEXT, tx TEXT, begun REAL, e INTEGER)")
        for number in range(6):
            row = ledger_row(number)
            begun = row["start_utc"].timestamp() * 1000.0
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, 50)",
                (row["station_id"], row["transaction_id"], begun),
            )
    columns = {"station": "cp", "transaction": "tx", "start": "begun", "energy": "e"}
    for table in ("sessions", "SELECT * FROM sessions"):
        _, _, found = reconcile_run(live, str(path), table=table, columns=columns)
        assert found.matched == 6 and found.counts == {"end_lost": 6}
    with pytest.raises(InputError, match=r"--table: value 'nope'.*sessions"):
        read_records(str(path), table="nope")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", "station"),
        ("station,start\nA,yesterday\n", "row 1: start: value 'yesterday': expected a time"),
        (
            "station,start,connector\nA,2026-06-01,two\n",
            "connector: value 'two': expected a number",
        ),
    ],
)
def test_records_that_cannot_be_read_are_named(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=expected):
        read_records(str(file))


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(InputError) as caught:
        read_records("nosuch://user:secret@host/db")
    assert "secret" not in str(caught.value)


def test_a_simulation_has_nothing_to_reconcile(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "yard", "simulation")
    folder.finish({})
    with pytest.raises(StoreError, match="only a live run"):
        reconcile_run(folder.path, "x.csv")


def test_the_exit_code_says_whether_the_csms_has_to_answer(
    live: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.report.render", lambda run: run / "report.html")
    whole = write_csv(tmp_path / "a.csv", [record(number) for number in range(6)])
    assert cli(["reconcile", str(live), "--against", str(whole)]) == 0
    assert "nothing differs" in capsys.readouterr().out
    part = write_csv(tmp_path / "b.csv", [record(number) for number in range(5)])
    assert cli(["reconcile", str(live), "--against", str(part)]) == 2
    assert "lost" in capsys.readouterr().out
    assert cli(["reconcile", str(live), "--against", "nothing.csv"]) == 1
