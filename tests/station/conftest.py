"""Makes the harness and the papers importable as ``station_...`` (the tests are no package)."""

import importlib.util
import sys
from pathlib import Path

import pytest

_NAME = "station_harness"
for _name, _file in ((_NAME, "harness.py"), ("station_papers", "papers.py")):
    if _name not in sys.modules:
        _spec = importlib.util.spec_from_file_location(_name, Path(__file__).with_name(_file))
        assert _spec is not None and _spec.loader is not None
        _module = importlib.util.module_from_spec(_spec)
        sys.modules[_name] = _module
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
