"""Files that hold secrets: nobody but their owner may read them."""

from __future__ import annotations

import stat
from pathlib import Path

from simulator.scenario.problems import Problem, ScenarioError


def is_private(path: Path) -> bool:
    """Whether nobody but the owner may read or write the file."""
    return stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def read_secret(path: Path, label: str, where: str, written: str) -> str:
    """The text of a private file without its last line break.

    ``label``, ``where`` and ``written`` say who named the file. Raises ScenarioError if it is
    missing, empty, or readable by others.
    """

    def fail(expected: str) -> ScenarioError:
        return ScenarioError([Problem(label, where, repr(written), expected)])

    try:
        if not is_private(path):
            raise fail(f"a file with mode 0600 (chmod 600 {written})")
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError:
        raise fail("a file that exists") from None
    except (OSError, UnicodeDecodeError):
        raise fail("a readable file") from None
    if not text:
        raise fail("a file that is not empty")
    return text
