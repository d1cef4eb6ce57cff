"""A full disk costs files and not the run: it is never the CSMS's fault, and the end is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from simulator import cli
from simulator.live.keeping import LEAST_BYTES, Pieces, Stream
from simulator.live.trace import Tracer, join_traces
from simulator.store import RunFolder, StoreError, read_run
from simulator.store.errors import NotWrittenError
from simulator.store.reserve import RESERVE, SIZE, put_aside
from simulator.store.tables import Appender

FULL = Path("/dev/full")
NO_SPACE = os.strerror(errno.ENOSPC)
NOWHERE = os.strerror(errno.ENOENT)
WORDS = f"no more frames to full: {NO_SPACE}"
SUMS: dict[str, Any] = {"now_s": 1.0, "calls": {"answered": 1}, "errors": {}}

full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


@full
def test_a_trace_that_cannot_be_written_ends_and_says_so_once() -> None:
    said: list[str] = []
    tracer = Tracer(FULL, 0.0, said.append)
    tracer.write(0.0, "s", True, b"[]")
    tracer.flush()
    tracer.write(1.0, "s", True, b"[]")
    tracer.flush()
    tracer.close()
    assert said == [WORDS]


@full
def test_a_trace_that_fails_at_its_end_or_its_begin_says_so_too(tmp_path: Path) -> None:
    said: list[str] = []
    tracer = Tracer(FULL, 0.0, said.append)
    tracer.write(0.0, "s", True, b"[]")
    tracer.close()
    Tracer(tmp_path / "nowhere" / "frames-0.jsonl", 0.0, said.append).write(0.0, "s", True, b"[]")
    assert said == [WORDS, f"no more frames to frames-0.jsonl: {NOWHERE}"]


def test_frames_that_cannot_be_joined_stay_as_they_are(tmp_path: Path) -> None:
    part = tmp_path / "frames-0.jsonl"
    part.write_text('{"frame":"[]"}\n')
    with pytest.raises(StoreError, match="cannot be written"):
        join_traces([part], tmp_path / "nowhere" / "frames.jsonl")
    assert part.exists() and not (tmp_path / "nowhere").exists()


def test_the_stream_of_progress_ends_where_it_cannot_be_written_on(tmp_path: Path) -> None:
    said: list[str] = []
    folder = RunFolder.create(tmp_path / "run", "x", "live")
    stream = Stream(folder, said.append)
    stream.keep(SUMS, "measure")
    stream._appender._file = Broken(stream._appender._file)  # type: ignore[union-attr,assignment]
    for now_s in (2.0, 3.0):
        stream.keep(SUMS | {"now_s": now_s}, "measure")
    stream.close()
    assert said == [f"the table progress ends here: {NO_SPACE}"]
    assert list(read_run(folder.path).table("progress")["now_s"])[:1] == [1.0]


class Broken:
    """A file on a disk that is full by now."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, NO_SPACE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_what_does_not_fit_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    room = [LEAST_BYTES, LEAST_BYTES - 1]
    pieces = Pieces(tmp_path, lambda _: room.pop(0))
    for name in ("small", "large"):
        with pieces.piece(name):
            (tmp_path / name).write_text("")
    with pieces.piece("third"):
        raise NotWrittenError(f"{tmp_path}/third: cannot be written: {NO_SPACE}")
    with pieces.piece("fourth"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert [path.name for path in tmp_path.iterdir()] == ["small"]
    assert pieces.missing == [
        f"large, third ({NO_SPACE})",
        f"fourth ({os.strerror(errno.EIO)})",
    ]


def test_space_is_put_aside_for_the_end_and_given_back(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "x", "live", reserve=True)
    aside = folder.path / RESERVE
    assert folder.reserved and aside.stat().st_size == SIZE
    folder.finish({"verdict": "NO_SLO"})
    assert not aside.exists() and not folder.reserved
    assert not put_aside(tmp_path / "nowhere")


SCENARIO = """
[scenario]
name = "full"
start = 2026-06-01T00:00:00

[[sites]]
name = "yard"
stations = [{ model = "ac-22-dual", count = 2 }]
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"

[live]
shards = 1
stages = [{ kind = "ramp", for = "200ms", to = "100 %" }, { kind = "hold", for = "1200ms" }]
"""


@pytest.mark.process
@pytest.mark.socket
def test_a_run_on_a_full_disk_ends_as_planned_and_exit_code_1_says_what_is_missing(
    tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trace, progress and every table fail; the run does not."""
    file, out = tmp_path / "full.toml", tmp_path / "run"
    file.write_text(SCENARIO)
    create = RunFolder.create.__func__  # type: ignore[attr-defined]

    def fill(*arguments: Any, **more: Any) -> RunFolder:
        folder: RunFolder = create(RunFolder, *arguments, **more)
        (folder.path / "frames-0.jsonl").symlink_to(tmp_path / "nowhere" / "frames")
        return folder

    def flush(self: Appender) -> None:
        raise OSError(errno.ENOSPC, NO_SPACE)

    def refuse(folder: Path, name: str, *_: Any) -> Path:
        raise NotWrittenError(f"{folder / name}: cannot be written: {NO_SPACE}")

    monkeypatch.setattr(RunFolder, "create", fill)
    monkeypatch.setattr(Appender, "flush", flush)
    monkeypatch.setattr("simulator.store.tables.write_parquet", refuse)
    told = ["live", str(file), "--out", str(out), "--trace", "100%", "--progress", "plain"]
    code = cli.run(told)
    said = capfd.readouterr()
    assert f"the table progress ends here: {NO_SPACE}" in said.err and "Traceback" not in said.err
    tables = "ledger.parquet, events.parquet, seconds.parquet, messages.parquet"
    assert f"Not written: {tables}, station_messages.parquet ({NO_SPACE})." in said.out
    run = read_run(out)
    assert run.status == "finished"
    # What the machine at hand can do is not under test: a busy one may make the run INVALID.
    assert (run.summary["verdict"], code) in (("NO_SLO", 1), ("INVALID", 3))
    assert run.summary["errors"] == {"local_disk": 1}
    (kept,) = run.summary["error_examples"]
    assert kept["examples"][0]["detail"] == f"no more frames to frames-0.jsonl: {NOWHERE}"
    assert run.summary["stations"]["booted"] == 2 and (out / "latency.hlog").exists()
    assert "Not written" in (out / "report.html").read_text()
