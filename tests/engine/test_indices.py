"""The kernel never looks up a negative index, so it may be compiled without numba's test for it.

It is played as plain Python on arrays that refuse one. Features are drawn until every function of
the kernel has run.
"""

from __future__ import annotations

import sys
from types import FunctionType, SimpleNamespace

import numpy as np
import pytest
from engine_build import (
    HORIZON_S,
    cases,
    play,
    posts,
    rich_cases,
    script,
    site,
    visits,
    with_policy,
)
from engine_limits import tree_cases
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from simulator.engine.kernel import advance, compiled, state
from simulator.engine.kernel.cache import PARTS
from simulator.engine.kernel.kernel import Kernel
from simulator.engine.policies import NAMES, POLICIES
from simulator.engine.site import SiteRun


def check_index(index):
    for one in index if isinstance(index, tuple) else (index,):
        assert not isinstance(one, slice | np.ndarray | list), one
        if not isinstance(one, str) and one < 0:
            raise IndexError(f"negative index {one}")


class Numbers(np.ndarray):
    """An array that knows no index below 0."""

    def __getitem__(self, index):
        check_index(index)
        return super().__getitem__(index)

    def __setitem__(self, index, value):
        check_index(index)
        super().__setitem__(index, value)


class Records(np.recarray):
    """Likewise, of records."""

    def __getitem__(self, index):
        check_index(index)
        return super().__getitem__(index)

    def __setitem__(self, index, value):
        check_index(index)
        super().__setitem__(index, value)


def guarded(arguments):
    return [
        a.view(Records if a.dtype.names else Numbers) if isinstance(a, np.ndarray) else a
        for a in arguments
    ]


@pytest.fixture(scope="module")
def strict():
    """The kernel as plain Python, on arrays that refuse a negative index."""
    return Kernel(
        advance=lambda *arguments: advance.advance(*guarded(arguments)),
        finish=lambda *arguments: advance.finish(*guarded(arguments)),
        keys={name: policy.key for name, policy in POLICIES.items()},
        compile_s=0.0,
        cache=None,
        hits=0,
        misses=0,
    )


ELSEWHERE = {"curve.advance_soc", "curve.time_to_soc", "curve.drained_soc", "curve.power_at"}
ELSEWHERE |= {"curve.piece"}
"""Physics for others than the kernel."""


def functions():
    """Every function of the kernel, by its code."""
    found = {}
    for part in PARTS:
        for name, value in vars(part).items():
            if isinstance(value, FunctionType) and value.__module__ == part.__name__:
                long = f"{part.__name__.rpartition('.')[2]}.{name}"
                if long not in ELSEWHERE:
                    found[value.__code__] = long
    return found


@pytest.fixture
def unused():
    """The kernel's functions that have not been called yet."""
    missing = functions()

    def note(frame, event, _):
        if event == "call":
            missing.pop(frame.f_code, None)

    before = sys.getprofile()
    sys.setprofile(note)
    yield missing
    sys.setprofile(before)


FEW = settings(
    max_examples=40,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def test_no_index_is_negative_whatever_a_site_has(strict, unused):
    @FEW
    @seed(1)
    @given(cases(16), st.sampled_from(NAMES))
    def plain_sites(case, policy):
        where, wanted = case
        where = with_policy(where, policy)
        SiteRun(wanted, where, HORIZON_S, record_caps="all", kernel=strict).result()

    @FEW
    @seed(2)
    @given(rich_cases(16), st.sampled_from(NAMES), st.integers(0, 2**32))
    def rich_sites(case, policy, acts):
        where, wanted, options = case
        where = with_policy(where, policy)
        run = SiteRun(wanted, where, HORIZON_S, record_caps="pauses", kernel=strict, **options)
        play(run, script(acts, where.evses)).result()

    @FEW
    @seed(3)
    @given(tree_cases(16), st.sampled_from(NAMES), st.integers(0, 2**32))
    def trees(case, policy, acts):
        where, wanted = case
        where = with_policy(where, policy)
        run = SiteRun(wanted, where, HORIZON_S, kernel=strict)
        play(run, script(acts, where.evses)).result()

    for part in (plain_sites, rich_sites, trees):
        part()
    assert not set(unused.values())


def test_the_arrays_refuse_what_the_compiled_kernel_could_not_bear(strict, monkeypatch):
    """The proof above can fail: a kernel that counts from the end is found out."""

    def last_block(k, block, now):
        k.due_s[block - 1] = now

    monkeypatch.setattr(advance, "release_block", last_block)
    run = SiteRun(visits([0.0], soc=0.7), site(*posts(1)), HORIZON_S, kernel=strict)
    with pytest.raises(IndexError, match="negative index -1"):
        run.advance(HORIZON_S)
    for array in (np.zeros(3).view(Numbers), np.zeros(3, state.EVSE).view(Records)):
        with pytest.raises(IndexError):
            array[-1]
    with pytest.raises(IndexError):
        np.zeros((2, 3)).view(Numbers)[1, -1] += 1.0
    with pytest.raises(IndexError):
        np.zeros((2, 3)).view(Numbers)[1][-1]


def numbas_own(context, builder, idxty, idx, size):
    """Stands for numba's own."""


def other_arguments(context, idx):
    """As another version of numba may have it."""


def test_numbas_test_of_indices_comes_back_whatever_happens(monkeypatch):
    module = SimpleNamespace(fix_integer_index=numbas_own)
    monkeypatch.setattr(compiled.importlib, "import_module", lambda name: module)
    with pytest.raises(ZeroDivisionError), compiled._indices_as_they_are():
        assert module.fix_integer_index is not numbas_own
        1 / 0  # noqa: B018
    assert module.fix_integer_index is numbas_own


@pytest.mark.parametrize(
    "module", [SimpleNamespace(), SimpleNamespace(fix_integer_index=other_arguments), None]
)
def test_the_kernel_is_compiled_with_the_test_where_numba_is_another(module, monkeypatch, caplog):
    def find(name):
        if module is None:
            raise ImportError(name)
        return module

    monkeypatch.setattr(compiled.importlib, "import_module", find)
    before = dict(vars(module)) if module else {}
    with caplog.at_level("INFO"), compiled._indices_as_they_are():
        assert (dict(vars(module)) if module else {}) == before
    assert "test of every index" in caplog.text
