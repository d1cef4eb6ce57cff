"""Makes the harness importable as ``station_harness`` (the tests are no package)."""

import importlib.util
import sys
from pathlib import Path

import pytest

_NAME = "station_harness"
if _NAME not in sys.modules:
    _spec = importlib.util.spec_from_file_location(_NAME, Path(__file__).with_name("harness.py"))
    assert _spec is not None and _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules[_NAME] = _module
    _spec.loader.exec_module(_module)


@pytest.fixture
def make():
    """A maker of benches; every bench is finished and its books checked at the end of the test."""
    benches = []

    def make_bench(**options):
        bench = sys.modules[_NAME].Bench(**options)
        benches.append(bench)
        return bench

    yield make_bench
    for bench in benches:
        bench.close()
