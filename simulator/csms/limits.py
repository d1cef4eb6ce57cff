"""How many files, and with them sockets, a process may have open: as many as the system lets it.

No privilege is asked for: only the soft limit moves. Called by ``service`` and by the live driver.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Final

UNLIMITED: Final = 2**31
"""What ``raise_fd_limit`` returns where there is no limit."""
_ATTEMPTS: Final = (resource.RLIM_INFINITY, 1 << 20, 1 << 16, 24_576, 10_240)
"""Under an infinite hard limit: macOS says that it has none, and refuses more than the kernel's."""


def raise_fd_limit(
    getrlimit: Callable[[int], tuple[int, int]] = resource.getrlimit,
    setrlimit: Callable[[int, tuple[int, int]], None] = resource.setrlimit,
) -> int:
    """Raise the soft limit of open files as far as it goes; returns what it is then."""
    soft, hard = getrlimit(resource.RLIMIT_NOFILE)
    for want in _ATTEMPTS if hard == resource.RLIM_INFINITY else (hard,):
        if not _is_more(want, soft):
            continue
        try:
            setrlimit(resource.RLIMIT_NOFILE, (want, hard))
        except (ValueError, OSError):
            continue
        soft = want
        break
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def _is_more(want: int, soft: int) -> bool:
    """RLIM_INFINITY may be any number, -1 among them."""
    if soft == resource.RLIM_INFINITY:
        return False
    return want == resource.RLIM_INFINITY or want > soft
