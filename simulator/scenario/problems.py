"""What is wrong with an input file: one `Problem` per mistake, all of them at once.

Not a logger and not a validator: it only says how a mistake reads. Raised by every reader of this
room, printed by the command line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHOWN = 20
"""Problems printed in full; of the rest only the number is given."""

_WIDTH = 60
_SECRET = ("password", "secret", "token", "key")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it is, what stands there, what was expected, what was perhaps meant."""

    file: str
    where: str
    """A field path (``sites.ring-road.stations[0].model``), or ``line 3, column 'arrival'``."""
    value: str | None
    """What stands there, as shown to a person; None if nothing does."""
    expected: str
    suggestion: str | None = None

    def __str__(self) -> str:
        """The problem as one line."""
        where = [part for part in (self.file, self.where) if part]
        return one_line(where, self.value, self.expected, self.suggestion)


def one_line(where: Sequence[str], value: object, expected: str, suggestion: str | None) -> str:
    """A mistake as people read it; ``value`` None: there is none to show."""
    shown = [] if value is None else [f"value {value}"]
    meant = "" if suggestion is None else f"; did you mean {suggestion!r}?"
    return ": ".join([*where, *shown, f"expected {expected}{meant}"])


class ScenarioError(Exception):
    """A scenario, a profile or an override is wrong. ``problems`` holds every mistake found."""

    exit_code = 1

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Problem, ...]]]:
        """Errors cross process borders with their problems."""
        return type(self), (self.problems,)

    def __str__(self) -> str:
        """One line per problem, the first `SHOWN` of them."""
        lines = [str(problem) for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"... and {len(self.problems) - SHOWN} more")
        return "\n".join(lines)


class FieldError(ValueError):
    """One value is wrong. Raised by the reader of the value, who does not know where it stands."""

    def __init__(self, expected: str, suggestion: str | None = None) -> None:
        super().__init__(expected)
        self.expected = expected
        self.suggestion = suggestion


class InputError(ScenarioError):
    """A trace or an inventory is wrong; ``where`` gives line and column."""


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The spelling in ``known`` that ``word`` most likely meant, or None."""
    if not isinstance(word, str):
        return None
    choices = list(known)
    found = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if found:
        return found[0]
    folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def redact_url(url: str) -> str:
    """An address without the credentials and the values of the query that it may hold."""
    url = re.sub(r"(?<=://)[^/?#\s]*@", "***@", url)
    return re.sub(r"(?<==)[^&#]+", "***", url) if "?" in url else url


def shown(value: object, field: str = "") -> str:
    """A value as a message shows it: quoted text, short, and never a secret."""
    if isinstance(value, str | bytes) and any(word in field.lower() for word in _SECRET):
        return "'***'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{...}" if value else "{}"
    if isinstance(value, list | tuple):
        return "[...]" if value else "[]"
    if isinstance(value, str) and "://" in value:
        value = redact_url(value)
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def listed(words: Sequence[str], conjunction: str = "or") -> str:
    """``a, b or c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"
