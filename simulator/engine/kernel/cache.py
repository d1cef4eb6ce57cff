"""Where the kernel's machine code is kept between processes.

numba's own cache notices an edited function but not an edited callee, and would answer with
yesterday's physics. So the folder's name carries a hash of every source of the kernel, of
numba's version and of Python's; numba itself adds the CPU. Needs no compiler: a command may ask
whether the first run will have to compile, and say so.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from simulator.charging import curve, sharing
from simulator.engine import policies
from simulator.engine.kernel import (
    advance,
    changes,
    course,
    force,
    load,
    members,
    modules,
    order,
    pairing,
    phases,
    share,
    state,
    waiting,
)

log = logging.getLogger(__name__)

PARTS: tuple[ModuleType, ...] = (
    curve,
    sharing,
    load,
    pairing,
    changes,
    course,
    waiting,
    order,
    modules,
    members,
    phases,
    force,
    share,
    advance,
)
"""Modules whose functions are compiled."""


def sources() -> tuple[Path, ...]:
    """Every file whose text decides what the kernel does."""
    keys = (sys.modules[policy.key.__module__] for policy in policies.POLICIES.values())
    modules = (*PARTS, state, *keys)
    return (
        *(Path(str(module.__file__)) for module in modules),
        Path(__file__).with_name("compiled.py"),
    )


def digest(files: tuple[Path, ...]) -> str:
    """Hash of source files, numba's version and Python's: names the cache folder."""
    h = hashlib.blake2b(digest_size=10)
    h.update(f"{version('numba')}/{sys.version}/{sys.implementation.cache_tag}".encode())
    for path in files:
        data = path.read_bytes()
        h.update(f"{path.name}:{len(data)}:".encode())
        h.update(data)
    return h.hexdigest()


def user_cache() -> Path:
    """The user's cache directory, after the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path("~").expanduser() / ".cache"
    return root / "chargeswarm"


def is_warm() -> bool:
    """Whether machine code of these sources lies in the user's cache."""
    try:
        return any((user_cache() / digest(sources())).rglob("*.nbc"))
    except (OSError, RuntimeError):
        return False


def cache_folder() -> Path:
    """Where the machine code lies: the user's cache, or a temporary folder (said aloud)."""
    try:
        folder = user_cache() / digest(sources())
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError) as error:
        folder = Path(tempfile.mkdtemp(prefix="chargeswarm-kernel-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        log.warning(
            "The kernel's machine code cannot be kept (%s); it goes to %s and is compiled again"
            " next time.",
            error,
            folder,
        )
    return folder
