"""What holds for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Give Ctrl-C its usual meaning.

    A shell that starts the suite in the background has it ignored, and so would every process be
    that a test starts and interrupts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
