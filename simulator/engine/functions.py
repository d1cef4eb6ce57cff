"""A Python function that a scenario names as ``file.py:function``, loaded from its file.

The one place that runs a user's file, each time that it is asked to: what one site's function keeps
in its module is not another's. Called when a run begins, not when a scenario is checked.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from hashlib import blake2b
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from simulator.scenario import Problem, ScenarioError


def load_function(named: str, beside: Path, label: str, where: str) -> Callable[..., Any]:
    """The function; ``beside`` is the folder that the file is relative to.

    ``label`` and ``where`` say in an error which scenario and field named it. The file's own folder
    can be imported from. Raises ScenarioError.
    """

    def wrong(expected: str) -> ScenarioError:
        return ScenarioError([Problem(label, where, repr(named), expected)])

    file, _, name = named.rpartition(":")
    path = (beside / file).resolve()
    if not path.is_file():
        raise wrong(f"a Python file that exists ({file})")
    module_name = "chargeswarm_user_" + blake2b(str(path).encode(), digest_size=8).hexdigest()
    spec = spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise wrong("a Python file (.py)")
    module = module_from_spec(spec)
    sys.modules[module_name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise wrong(f"a Python file that can be imported ({told(error)})") from error
    finally:
        sys.path.remove(str(path.parent))
    function = getattr(module, name, None)
    if not callable(function):
        raise wrong(f"a function that {file} defines")
    return function  # type: ignore[no-any-return]


def told(error: BaseException) -> str:
    """What a user's code raised, and in which file and line."""
    lines = traceback.extract_tb(error.__traceback__)
    at = f"; {Path(lines[-1].filename).name}, line {lines[-1].lineno}" if lines else ""
    return f"{type(error).__name__}: {error}{at}"
