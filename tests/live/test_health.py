"""The generator's watch on itself."""

from __future__ import annotations

import gc

from simulator.live.health import GcWatch, cpu_s, raise_fd_limit, rss_kb


def test_garbage_collections_are_timed_while_the_watch_is_on(watching) -> None:
    pauses: list[float] = []
    watching.gc_pause = pauses.append
    moments = iter([1.0, 1.5, 2.0, 2.25])
    watch = GcWatch(watching, lambda: next(moments))
    watch.install()
    gc.collect()
    gc.collect()
    assert not pauses  # a collection may begin in the middle of the recorder's work
    watch.tell()
    assert pauses == [0.5, 0.25]
    watch.remove()
    gc.collect()
    assert pauses == [0.5, 0.25]


def test_memory_and_cpu_are_of_this_process() -> None:
    before_kb, before_s = rss_kb(), cpu_s()
    held = bytearray(b"x") * 50_000_000
    assert rss_kb() - before_kb > 40_000 and len(held) == 50_000_000
    assert cpu_s() >= before_s


def test_the_limit_of_open_files_is_raised_to_what_is_allowed() -> None:
    import resource

    limit = raise_fd_limit()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == limit and (hard in (limit, resource.RLIM_INFINITY))
