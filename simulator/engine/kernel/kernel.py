"""What a kernel offers to the site that runs on it, compiled or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Kernel:
    """Entry points of a kernel and how they came to be."""

    advance: Callable[..., int]
    finish: Callable[..., None]
    keys: Mapping[str, Any]
    """The policies' key functions in the form that ``advance`` takes."""
    compile_s: float
    """Seconds spent compiling; 0 when all machine code came from the cache."""
    cache: Path
    """Folder of the machine code."""
    hits: int
    """Functions that were loaded from the cache."""
    misses: int
    """Functions that had to be compiled."""
