"""The kernel uncompiled: the same functions as plain Python, some hundred times slower.

For tests that compare both, for reading along in a debugger, and for coverage. Never used by a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from simulator.engine import policies
from simulator.engine.kernel import advance as loop
from simulator.engine.kernel.kernel import Kernel


def _records(arrays: tuple[Any, ...]) -> list[Any]:
    """Structured arrays as record arrays, whose elements have attributes."""
    return [
        a.view(np.recarray) if isinstance(a, np.ndarray) and a.dtype.names else a for a in arrays
    ]


def _advance(*args: Any) -> int:
    return loop.advance(*_records(args))


def _finish(*args: Any) -> None:
    loop.finish(*_records(args))


def plain_kernel() -> Kernel:
    """The kernel as plain Python."""
    keys = {name: policy.key for name, policy in policies.POLICIES.items()}
    return Kernel(_advance, _finish, keys, 0.0, Path(), 0, 0)
