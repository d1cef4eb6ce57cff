from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from simulator.fleet.ledger import COLUMNS, Ledger
from simulator.store import RunFolder, StoreError, read_run
from simulator.store.tables import SCHEMAS, Appender, consolidate, names, read_stream, read_table


def event(number: int) -> dict[str, object]:
    return {"at_s": float(number), "kind": "dns", "detail": f"event {number}", "frames": ["a", "b"]}


def test_streams_of_all_shards_become_one_parquet_file(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "x", "live")
    for shard in (10, 2, 0):
        with_rows = Appender(tmp_path, "events", shard, batch_rows=2)
        for number in range(5):
            with_rows.append(event(shard * 100 + number) | {"shard": shard})
        with_rows.close()
    folder.finish({})
    assert names(tmp_path) == ("events",)
    assert not list(tmp_path.glob("*.arrows"))
    frame = read_run(tmp_path).table("events")
    assert frame["shard"].tolist() == [0] * 5 + [2] * 5 + [10] * 5
    assert frame["detail"].iloc[-1] == "event 1004"
    assert list(frame["frames"].iloc[0]) == ["a", "b"]
    assert list(frame.columns) == SCHEMAS["events"].names


def test_a_stream_can_be_read_while_it_grows(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "x", "live")
    stream = Appender(tmp_path, "events", 0, batch_rows=3)
    for number in range(4):
        stream.append(event(number))
    assert len(read_run(tmp_path).table("events")) == 3
    stream.flush()
    assert len(read_run(tmp_path).table("events")) == 4
    stream.close()


def test_a_torn_stream_reads_up_to_its_last_whole_batch(tmp_path: Path) -> None:
    stream = Appender(tmp_path, "events", 0, batch_rows=10)
    ends = [stream.path.stat().st_size]
    for number in range(50):
        stream.append(event(number))
        if number % 10 == 9:
            stream._file.flush()
            ends.append(stream.path.stat().st_size)
    stream.close()
    whole = stream.path.read_bytes()
    lengths = []
    for cut in range(0, len(whole), 7):
        stream.path.write_bytes(whole[:cut])
        rows = [row for batch in read_stream(stream.path) for row in batch.to_pylist()]
        assert [row["at_s"] for row in rows] == [float(n) for n in range(len(rows))]
        complete = sum(end <= cut for end in ends) - 1
        assert len(rows) == 10 * max(complete, 0), cut
        lengths.append(len(rows))
    assert set(lengths) == {0, 10, 20, 30, 40, 50}


def test_a_stream_torn_in_its_first_bytes_counts_as_empty(tmp_path: Path) -> None:
    Appender(tmp_path, "events", 1).close()
    (tmp_path / "events-0.arrows").write_bytes(b"\xff\xff\xff")
    consolidate(tmp_path)
    assert len(read_table(tmp_path, "events")) == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "events.parquet"]


def test_a_table_of_ones_own_is_possible(tmp_path: Path) -> None:
    stream = Appender(tmp_path, "my-notes", 0, schema=pa.schema([("n", pa.int64())]))
    stream.append({"n": 7})
    stream.close()
    consolidate(tmp_path)
    assert read_table(tmp_path, "my-notes")["n"].tolist() == [7]


def test_a_table_that_was_never_written_is_empty_with_its_columns(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "x", "live")
    frame = read_run(tmp_path).table("sessions")
    assert frame.empty
    assert list(frame.columns) == SCHEMAS["sessions"].names
    with pytest.raises(StoreError, match="no table 'session'; expected one of dist"):
        read_run(tmp_path).table("session")


@pytest.mark.parametrize(
    "data",
    [
        [{"source": "measured", "bucket_s": 0, "action": "A", "direction": "station", "count": 3}],
        pd.DataFrame(
            {
                "count": [3],
                "source": ["measured"],
                "bucket_s": [0.0],
                "action": ["A"],
                "direction": ["station"],
            }
        ),
        {
            "source": ["measured"],
            "bucket_s": [0.0],
            "action": ["A"],
            "direction": ["station"],
            "count": [3],
        },
        pa.table(
            {
                "source": ["measured"],
                "bucket_s": [0.0],
                "action": ["A"],
                "direction": ["station"],
                "count": pa.array([3], pa.int32()),
            }
        ),
    ],
)
def test_rows_columns_frames_and_arrow_all_fit(tmp_path: Path, data: object) -> None:
    folder = RunFolder.create(tmp_path, "x", "live")
    folder.write_table("messages", data)
    frame = read_run(tmp_path).table("messages")
    assert frame.to_dict("records") == [
        {"source": "measured", "bucket_s": 0.0, "action": "A", "direction": "station", "count": 3}
    ]
    assert str(frame["count"].dtype) == "int64"


def test_rows_that_do_not_fit_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "x", "live")
    with pytest.raises(StoreError, match=r"messages\.parquet: the rows do not fit"):
        folder.write_table("messages", [{"count": "many"}])
    assert [entry.name for entry in tmp_path.iterdir()] == ["manifest.json"]


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "x", "live")
    (tmp_path / "load.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(StoreError, match=r"load\.parquet: is no parquet file"):
        read_run(tmp_path).table("load")


def test_the_ledger_of_the_fleet_fits_its_table(tmp_path: Path) -> None:
    assert tuple(SCHEMAS["ledger"].names) == COLUMNS
    ledger = Ledger()
    ledger.transaction_started(0, 1, 1, "CSWTOKEN", 3.0, 100.0)
    ledger.transaction_confirmed(0, 1, "17", "Accepted", 3.5)
    folder = RunFolder.create(tmp_path, "x", "live")
    folder.write_table("ledger", ledger.rows(lambda index: "CSW-a-0001", 1.78e9))
    [row] = read_run(tmp_path).table("ledger").to_dict("records")
    assert (row["station_id"], row["transaction_id"], row["state"]) == ("CSW-a-0001", "17", "open")
    assert row["start_utc"] == pd.Timestamp(1.78e9 + 3.0, unit="s", tz="UTC")
    assert row["stop_utc"] is pd.NaT
