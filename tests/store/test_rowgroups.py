"""Tables that grow by row groups: whole or not at all, plain to whoever reads them."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulator.store import StoreError, read_run
from simulator.store.folder import RunFolder
from simulator.store.rowgroups import RowGroups, park, take
from simulator.store.simtables import SCHEMAS, joined
from simulator.store.siterows import repeated


def load(site: str, kw: list[float]) -> pa.Table:
    n = len(kw)
    start = np.arange(n) * 900.0
    columns: dict[str, Any] = {
        "site": repeated(site, n),
        "start": pa.array((start * 1000).astype(np.int64)).cast(pa.timestamp("ms", tz="UTC")),
        "start_s": start,
        "energy_kwh": np.array(kw) / 4,
        "mean_kw": np.array(kw),
        "occupied_evses": np.ones(n),
        "queue": np.zeros(n),
    }
    return pa.table(columns)


def test_each_part_is_a_row_group_and_texts_are_plain(tmp_path: Path) -> None:
    with RowGroups(tmp_path, "load") as rows:
        rows.write(joined("load", [load("a", [1.0, 2.0]), load("b", [3.0])]))
        rows.write(load("c", [4.0]))
    file = pq.ParquetFile(tmp_path / "load.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(2)] == [3, 1]
    assert file.schema_arrow == SCHEMAS["load"]
    frame = pd.read_parquet(tmp_path / "load.parquet")
    assert frame["site"].tolist() == ["a", "a", "b", "c"]
    assert frame["mean_kw"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert str(frame["start"].dt.tz) == "UTC"


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    with RowGroups(tmp_path, "sessions"):
        pass
    assert pq.read_table(tmp_path / "sessions.parquet").schema == SCHEMAS["sessions"]


def test_nothing_is_left_of_a_table_that_was_not_finished(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RowGroups(tmp_path, "load") as rows:
        rows.write(load("a", [1.0]))
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_full_disk_names_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    with pytest.raises(StoreError, match=r"load\.parquet: cannot be written: No space"):  # noqa: SIM117
        with RowGroups(tmp_path, "sessions"), RowGroups(tmp_path, "load") as rows:
            rows.write(load("a", [1.0]))
    assert not list(tmp_path.iterdir())


def test_rows_of_another_process_are_fetched_and_removed(tmp_path: Path) -> None:
    path = tmp_path / ".load-0.arrow.tmp"
    park(load("a", [1.0, 2.0]), path)
    assert take(path).column("mean_kw").to_pylist() == [1.0, 2.0]
    assert not path.exists()


def test_a_run_is_read_in_pieces(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "x", "simulation")
    with RowGroups(tmp_path, "load") as rows:
        rows.write(load("a", [1.0, 2.0]))
        rows.write(load("b", [3.0]))
    folder.finish({})
    run = read_run(tmp_path)
    assert run.row_count("load") == 3
    assert run.row_count("sessions") == 0
    found: list[str] = []
    for batch in run.batches("load", ("site", "mean_kw")):
        site = batch.column("site")
        found += [site.dictionary[i].as_py() for i in site.indices.to_pylist()]
    assert found == ["a", "a", "b"]
    (tmp_path / "load.parquet").write_bytes(b"no parquet")
    with pytest.raises(StoreError, match="is no parquet file"):
        list(run.batches("load", ("site",)))
