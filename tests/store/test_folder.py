from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.store import RunFolder, StoreError, read_run
from simulator.store.atomic import plain, replacing

NOW = datetime(2026, 6, 1, 17, 0, tzinfo=UTC)


def test_a_new_run_has_a_telling_name_and_a_manifest_that_says_running(tmp_path: Path) -> None:
    folder = RunFolder.create(None, "City launch/é", "live", root=tmp_path / "results", now=NOW)
    assert folder.path.parent == tmp_path / "results"
    assert folder.path.name.startswith("City-launch-20260601T170000Z-")
    manifest = json.loads((folder.path / "manifest.json").read_text())
    assert manifest["status"] == "running"
    assert manifest["kind"] == "live"
    assert manifest["scenario_name"] == "City launch/é"
    assert manifest["started"] == "2026-06-01T17:00:00+00:00"
    assert read_run(folder.path).status == "running"


def test_two_runs_of_the_same_second_do_not_share_a_folder(tmp_path: Path) -> None:
    paths = {RunFolder.create(None, "x", "live", root=tmp_path, now=NOW).path for _ in range(20)}
    assert len(paths) == 20


def test_out_is_used_exactly(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    assert RunFolder.create(out, "x", "simulation").path == out
    assert (out / "manifest.json").is_file()


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(StoreError, match=r"not empty and holds no run.*thesis\.docx"):
        RunFolder.create(tmp_path, "x", "live")
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.docx"]


def test_an_earlier_run_is_replaced_whole(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path, "x", "live")
    first.write_table("ledger", [{"station_id": "a"}])
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "load.svg").write_text("<svg/>")
    (tmp_path / "report.html").write_text("old")
    first.finish({"verdict": "PASS"})
    RunFolder.create(tmp_path, "y", "simulation")
    assert [entry.name for entry in tmp_path.iterdir()] == ["manifest.json"]
    assert read_run(tmp_path).summary == {}


def test_an_earlier_run_beside_foreign_files_is_refused(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "x", "live").finish({})
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"notes\.txt"):
        RunFolder.create(tmp_path, "x", "live")
    assert (tmp_path / "summary.json").is_file()


def test_a_run_that_still_writes_is_refused(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "x", "live")
    with pytest.raises(StoreError, match="still writing"):
        RunFolder.create(tmp_path, "x", "live")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StoreError, match=r"file: is a file; expected a new or empty folder"):
        RunFolder.create(file, "x", "live")
    with pytest.raises(StoreError, match=r"file.*cannot be written"):
        RunFolder.create(None, "x", "live", root=file / "results")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written: Permission denied"):
        RunFolder.create(tmp_path / "run", "x", "live")


def test_a_finished_run_reads_back(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "x", "live")
    folder.write_manifest(seed=42, versions={"python": "3.11"})
    folder.finish({"verdict": "PASS", "value": math.nan})
    run = read_run(tmp_path)
    assert (run.status, run.kind, run.manifest["seed"]) == ("finished", "live", 42)
    assert run.summary == {"verdict": "PASS", "value": None}
    assert run.manifest["ended"] is not None


def test_a_run_ended_on_purpose_keeps_its_status(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "x", "live").finish({"verdict": "INTERRUPTED"}, "interrupted")
    assert read_run(tmp_path).status == "interrupted"


@pytest.mark.process
def test_a_run_whose_process_died_reads_as_interrupted(tmp_path: Path) -> None:
    script = (
        "import os, sys; from simulator.store import RunFolder\n"
        "folder = RunFolder.create(sys.argv[1], 'x', 'live')\n"
        "log = folder.appender('events')\n"
        "log.append({'at_s': 1.0, 'kind': 'dns', 'detail': 'first'}); log.flush()\n"
        "log.append({'at_s': 2.0, 'kind': 'dns', 'detail': 'lost'})\n"
        "os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == 9
    run = read_run(tmp_path)
    assert run.status == "interrupted"
    assert run.summary == {}
    assert run.table("events")["detail"].tolist() == ["first"]


def test_a_process_id_that_was_given_to_somebody_else_is_no_proof_of_life(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "x", "live")
    folder.write_manifest(process={"pid": os.getpid(), "started_s": 1.0})
    assert read_run(tmp_path).status == "interrupted"


def test_a_finished_run_without_its_summary_reads_as_interrupted(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "x", "live").finish({})
    (tmp_path / "summary.json").unlink()
    assert read_run(tmp_path).status == "interrupted"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "holds no manifest.json"),
        ("{", "cannot be read as JSON"),
        ("[]", "expected a JSON object"),
        ('{"schema": "other/1"}', "schema is 'other/1'"),
        ('{"schema": "chargeswarm.manifest/1", "status": "odd"}', "status is 'odd'"),
        ('{"schema": "chargeswarm.manifest/1", "status": "failed"}', "kind is None; expected simu"),
    ],
)
def test_what_is_no_run_is_refused_in_words(
    tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(StoreError, match=words):
        read_run(tmp_path)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        read_run(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is not a folder"):
        read_run(tmp_path / "file")


def test_a_file_that_fails_half_way_leaves_the_old_one_and_no_rest(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    target.write_text("old")

    def fail() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_file_takes_the_permissions_that_the_umask_leaves(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        folder = RunFolder.create(tmp_path, "x", "live")
    finally:
        os.umask(before)
    assert (folder.path / "manifest.json").stat().st_mode & 0o777 == 0o666 & ~mask


class Colour(Enum):
    RED = "red"


def test_values_that_json_lacks_get_a_plain_form() -> None:
    value = {
        "a": np.float64("nan"),
        "b": np.int32(3),
        "c": (np.array([1.0, math.inf]), {2, 1}),
        Colour.RED: Colour.RED,
        "when": NOW,
        "where": Path("x/y"),
        "yes": np.bool_(True),
    }
    assert plain(value) == {
        "a": None,
        "b": 3,
        "c": [[1.0, None], [1, 2]],
        "red": "red",
        "when": "2026-06-01T17:00:00+00:00",
        "where": "x/y",
        "yes": True,
    }
    with pytest.raises(TypeError, match="object has no form"):
        plain(object())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_is_written_is_strict_json(value: object) -> None:
    json.loads(json.dumps(plain(value), allow_nan=False))


def test_a_write_that_the_machine_refuses_is_a_store_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.create(tmp_path / "run", "x", "live")
    before = sorted(entry.name for entry in folder.path.iterdir())

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "in somebody else's words")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StoreError, match=r"summary\.json: cannot be written: No space left"):
        folder.write_json("summary.json", {})
    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(StoreError, match=r"ledger\.parquet: cannot be written: No space left"):
        folder.write_table("ledger", [{"station_id": "a"}])
    assert sorted(entry.name for entry in folder.path.iterdir()) == before


def test_a_folder_that_has_gone_is_a_store_error(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "x", "live")
    (folder.path / "manifest.json").unlink()
    folder.path.rmdir()
    with pytest.raises(StoreError, match=r"manifest\.json: cannot be written: No such file"):
        folder.write_manifest(status="failed")
