"""The limit of open files, on systems that mean different things by "no limit"."""

from __future__ import annotations

from resource import RLIM_INFINITY

import pytest

from simulator.csms import CsmsOptions, service
from simulator.csms.limits import UNLIMITED, raise_fd_limit


class System:
    """Takes soft limits up to ``most`` and refuses others as ``setrlimit`` does."""

    def __init__(self, soft: int, hard: int, most: int) -> None:
        self.soft, self.hard, self.most = soft, hard, most
        self.asked: list[int] = []

    def get(self, _what: int) -> tuple[int, int]:
        return self.soft, self.hard

    def set(self, _what: int, limits: tuple[int, int]) -> None:
        soft, hard = limits
        self.asked.append(soft)
        assert hard == self.hard
        if soft == RLIM_INFINITY or soft > self.most:
            raise ValueError("current limit exceeds maximum limit")
        self.soft = soft


@pytest.mark.parametrize(
    ("soft", "hard", "most", "reached"),
    [
        (256, RLIM_INFINITY, 184_320, 65_536),
        (256, RLIM_INFINITY, 24_576, 24_576),
        (256, RLIM_INFINITY, 10_240, 10_240),
        (256, RLIM_INFINITY, 300, 256),
        (100_000, RLIM_INFINITY, 184_320, 100_000),
        (1024, 4096, 4096, 4096),
        (1024, 4096, 2048, 1024),
        (4096, 4096, 4096, 4096),
    ],
)
def test_the_soft_limit_goes_as_far_as_the_system_lets_it(soft, hard, most, reached) -> None:
    system = System(soft, hard, most)
    assert raise_fd_limit(system.get, system.set) == reached
    assert system.soft == reached
    assert all(want == RLIM_INFINITY or want > soft for want in system.asked)


def test_no_limit_is_a_large_number() -> None:
    system = System(RLIM_INFINITY, RLIM_INFINITY, 0)
    assert raise_fd_limit(system.get, system.set) == UNLIMITED and system.asked == []
    limits: list[tuple[int, int]] = []
    assert raise_fd_limit(lambda _: (256, RLIM_INFINITY), lambda _, to: limits.append(to)) > 10**9
    assert limits == [(RLIM_INFINITY, RLIM_INFINITY)]


def test_the_csms_on_its_own_raises_its_limit_too(monkeypatch, capsys) -> None:
    raised: list[bool] = []

    def refused(_options: CsmsOptions) -> None:
        assert raised == [True]
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(service, "raise_fd_limit", lambda: raised.append(True))
    monkeypatch.setattr(service, "CentralSystem", refused)
    assert service.serve(CsmsOptions()) == service.EXIT_CANNOT_LISTEN
    assert "Permission denied" in capsys.readouterr().err
