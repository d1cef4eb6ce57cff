"""Makes modules importable by their own names (the tests are no package).

Those beside the tests, and the builders of the engine's tests as ``engine_build``.
"""

import importlib.util
import sys
from pathlib import Path

_HERE = Path(__file__).parent
if str(_HERE) not in sys.path:
    sys.path.insert(0, str(_HERE))
if "engine_build" not in sys.modules:
    _spec = importlib.util.spec_from_file_location("engine_build", _HERE.parent / "engine/build.py")
    assert _spec is not None and _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["engine_build"] = _module
    _spec.loader.exec_module(_module)
