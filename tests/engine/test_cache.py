"""The compiled kernel is found again by another process, and never answers for other sources."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.engine.kernel import cache, compiled
from simulator.engine.policies import NAMES

PROGRAM = """
import json
from simulator.engine.kernel.compiled import kernel
k = kernel()
print(json.dumps({"hits": k.hits, "misses": k.misses, "compile_s": k.compile_s,
                  "cache": str(k.cache), "keys": sorted(k.keys)}))
"""


def in_another_process(program=PROGRAM, **environment):
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(compiled.__file__).parents[3],
        env=os.environ | environment,
    )
    return json.loads(done.stdout)


@pytest.mark.process
def test_a_second_process_loads_every_function_from_the_cache():
    here = compiled.kernel()
    if not here.cache.is_relative_to(cache.user_cache()):
        pytest.skip("the user's cache cannot be written here")
    there = in_another_process()
    assert there["cache"] == str(here.cache)
    assert there["misses"] == 0
    assert there["hits"] == 2 + len(here.keys)
    assert there["compile_s"] == 0.0


def test_the_sources_are_all_that_the_kernel_is_made_of():
    """Physics, sharing, policies and the compiling module itself count."""
    names = {path.name for path in cache.sources()}
    assert {"curve.py", "sharing.py", "advance.py", "state.py", "compiled.py"} <= names
    assert {"equal_share.py", "uncontrolled.py"} <= names
    parts = Path(compiled.__file__).parent
    rest = {"__init__.py", "cache.py", "kernel.py", "plain.py"}
    assert {path.name for path in parts.glob("*.py")} - rest <= names


def test_edited_physics_lead_to_another_folder(tmp_path):
    sources = cache.sources()
    copies = []
    for n, path in enumerate(sources):
        folder = tmp_path / str(n)
        folder.mkdir()
        copies.append(folder / path.name)
        copies[-1].write_bytes(path.read_bytes())
    before = cache.digest(tuple(copies))
    assert before == cache.digest(sources)
    for copy in copies:
        text = copy.read_text()
        copy.write_text(text.replace("0.0", "0.5", 1) + "\n")
        assert cache.digest(tuple(copies)) != before
        copy.write_text(text)
    assert cache.digest(tuple(copies)) == before


@pytest.mark.process
def test_whether_the_kernel_will_have_to_be_compiled_is_known_without_a_compiler(tmp_path):
    program = """
import json, sys
from simulator.engine.kernel.cache import is_warm
print(json.dumps({"warm": is_warm(), "numba": "numba" in sys.modules}))
"""
    compiled.kernel()
    assert in_another_process(program) == {"warm": True, "numba": False}
    cold = in_another_process(program, XDG_CACHE_HOME=str(tmp_path))
    assert cold == {"warm": False, "numba": False}


def test_the_folder_lies_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache.cache_folder()
    assert folder == tmp_path / "chargeswarm" / cache.digest(cache.sources())
    assert folder.is_dir()
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.user_cache() == tmp_path / "home" / ".cache" / "chargeswarm"


def test_a_cache_that_cannot_be_written_is_said_aloud(tmp_path, monkeypatch, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    with caplog.at_level(logging.WARNING):
        folder = cache.cache_folder()
    assert folder.is_dir()
    assert not folder.is_relative_to(tmp_path)
    assert "compiled again" in caplog.text
    assert str(folder) in caplog.text


@pytest.mark.process
def test_names_of_policies_and_the_engine_itself_need_no_compiler():
    program = """
import json, sys
from simulator.engine.policies import NAMES
import simulator.engine
heavy = ["numba", "llvmlite", "simpy", "pandas", "matplotlib"]
print(json.dumps({"names": NAMES, "loaded": [m for m in heavy if m in sys.modules]}))
"""
    told = in_another_process(program)
    assert told == {"names": list(NAMES), "loaded": []}
