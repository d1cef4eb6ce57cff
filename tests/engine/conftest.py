"""Makes the builders importable as ``engine_build`` and so on (the tests are no package)."""

import importlib.util
import sys
from pathlib import Path

import pytest

for _file in ("build.py", "limits.py"):
    _name = f"engine_{_file[:-3]}"
    if _name not in sys.modules:
        _spec = importlib.util.spec_from_file_location(_name, Path(__file__).with_name(_file))
        assert _spec is not None and _spec.loader is not None
        _module = importlib.util.module_from_spec(_spec)
        sys.modules[_name] = _module
        _spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def plain():
    """The kernel as plain Python."""
    from simulator.engine.kernel.plain import plain_kernel

    return plain_kernel()
