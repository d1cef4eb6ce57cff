"""The kernel, compiled. The only module that imports numba; imported when the first site runs.

Explicit signatures let a second process load the machine code instead of compiling. Policies are
numba first-class functions (``FunctionType``): unlike closures or dispatchers passed as arguments,
these can be cached. Where the code is kept: see ``cache``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import logging
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numba
from numba import float64, int64, types, void
from numba.experimental import function_type
from numba.extending import register_jitable

from simulator.engine import policies
from simulator.engine.kernel import advance, state
from simulator.engine.kernel.cache import PARTS, cache_folder, is_warm
from simulator.engine.kernel.kernel import Kernel

log = logging.getLogger(__name__)

_numba: Any = numba
_numba_address: Any = function_type._get_wrapper_address
# Arrays are borrowed from the caller: counting references to them would cost most of the time.
_OPTIONS = {"error_model": "numpy", "_nrt": False}
_INLINE = {**_OPTIONS, "forceinline": True}
_ENTRIES = ("advance", "finish")
_TESTS_INDICES = ("numba.np.arrayobj", "fix_integer_index")
_TESTED_WITH = ["context", "builder", "idxty", "idx", "size"]


@functools.cache
def kernel() -> Kernel:
    """Compile the kernel, or load it from the cache; once per process."""
    if not is_warm():
        log.info("Compiling the kernel for this machine; this happens once.")
    folder = cache_folder()
    settings = _numba.config
    started = time.perf_counter()
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(folder)
    try:
        with _indices_as_they_are():
            entries, keys = _compile()
    finally:
        settings.CACHE_DIR = before
    everything = [*entries.values(), *keys.values()]
    hits = sum(sum(f.stats.cache_hits.values()) for f in everything)
    misses = sum(sum(f.stats.cache_misses.values()) for f in everything)
    elapsed = time.perf_counter() - started
    if misses:
        log.info("Compiled the kernel in %.1f s; kept in %s", elapsed, folder)
    return Kernel(
        advance=entries["advance"],
        finish=entries["finish"],
        keys={name: Address(key) for name, key in keys.items()},
        compile_s=elapsed if misses else 0.0,
        cache=folder,
        hits=hits,
        misses=misses,
    )


@contextlib.contextmanager
def _indices_as_they_are() -> Iterator[None]:
    """Compile without numba's test of every index for being negative, a sixth of the time.

    The kernel never counts from the end of an array (-1 stands for none there, and is never looked
    up). numba has no option for it: this replaces the function that makes the test. Where numba has
    no such function (any more), the kernel is compiled with the test.
    """
    where, name = _TESTS_INDICES
    try:
        module: Any = importlib.import_module(where)
        tested = getattr(module, name)
        known = list(inspect.signature(tested).parameters) == _TESTED_WITH
    except (ImportError, AttributeError, TypeError, ValueError):
        known = False
    if not known:
        log.info("The kernel is compiled with a test of every index: unknown version of numba.")
        yield
        return

    def as_it_is(context: Any, builder: Any, idxty: Any, idx: Any, size: Any) -> Any:
        return context.cast(builder, idx, idxty, types.intp)

    setattr(module, name, as_it_is)
    try:
        yield
    finally:
        setattr(module, name, tested)


class Address(types.WrapperAddressProtocol):
    """A compiled key function by its address, looked up once.

    numba looks it up at every call otherwise, which costs more than a call with nothing to do.
    """

    __slots__ = ("_address", "_function", "_signature")

    def __init__(self, function: Any) -> None:
        (compiled,) = function.overloads.values()
        self._function = function  # owns the machine code
        self._signature = compiled.signature
        self._address = _numba_address(function, self._signature)

    def __wrapper_address__(self) -> Any:
        return self._address

    def signature(self) -> Any:
        """Signature of the function, as numba asks for it."""
        return self._signature


def _functions(module: ModuleType) -> list[Callable[..., Any]]:
    """The functions that a module defines itself."""
    return [
        f
        for f in vars(module).values()
        if isinstance(f, type(_functions)) and f.__module__ == module.__name__
    ]


def _compile() -> tuple[dict[str, Any], dict[str, Any]]:
    """Entry points and policies' keys; what they call is inlined."""
    for part in PARTS:
        for function in _functions(part):
            if function.__name__ not in _ENTRIES:
                register_jitable(**_INLINE)(function)

    record = {
        name: numba.from_dtype(getattr(state, name))
        for name in (
            "SITE",
            "STATION",
            "EVSE",
            "VISIT",
            "SESSION",
            "CAP",
            "NODE",
            "PHASOR",
            "CHANGE",
        )
    }
    key = float64(record["SITE"], record["EVSE"], float64)

    def rows(name: str) -> Any:
        return types.Array(record[name], 1, "C")

    numbers = types.Array(types.float64, 1, "C")
    table = types.Array(types.float64, 2, "C")
    arrays = (
        *(rows(name) for name in ("SITE", "STATION", "EVSE", "VISIT", "SESSION")),
        *[numbers] * 5,
        rows("CAP"),
        table,
        types.Array(types.int64, 2, "C"),
        rows("NODE"),
        rows("PHASOR"),
        table,
        table,
        rows("CHANGE"),
        *[numbers] * 3,
        table,
    )
    signatures = {
        "advance": int64(*arrays, types.FunctionType(key), float64),
        "finish": void(*arrays, float64),
    }
    entries = {
        name: _numba.njit(signature, cache=True, nogil=True, **_OPTIONS)(getattr(advance, name))
        for name, signature in signatures.items()
    }
    keys = {
        name: _numba.njit(key, cache=True, **_OPTIONS)(policy.key)
        for name, policy in policies.POLICIES.items()
    }
    return entries, keys
