"""Makes the builders importable as ``engine_build`` (the tests are no package)."""

import importlib.util
import sys
from pathlib import Path

import pytest

_NAME = "engine_build"
if _NAME not in sys.modules:
    _spec = importlib.util.spec_from_file_location(_NAME, Path(__file__).with_name("build.py"))
    assert _spec is not None and _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules[_NAME] = _module
    _spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def plain():
    """The kernel as plain Python."""
    from simulator.engine.kernel.plain import plain_kernel

    return plain_kernel()
