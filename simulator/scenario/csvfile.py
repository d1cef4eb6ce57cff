"""CSV files with a header: their text, and their rows by column. Nothing about what they mean.

A file that is no such table is one problem, not one per column. Called by `trace` and `inventory`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from simulator.scenario.problems import InputError, Problem, listed, nearest

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_text(path: Path, label: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark. Raises InputError."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        expected = "a file that exists"
    except IsADirectoryError:
        expected = "a file, not a folder"
    except UnicodeDecodeError as error:
        raise InputError([Problem(label, f"byte {error.start}", None, "text in UTF-8")]) from None
    except OSError as error:
        expected = f"a readable file ({error.strerror})"
    except ValueError:
        expected = "a file name without a null character"
    raise InputError([Problem(label, "", None, expected)])


def read_rows(
    text: str, label: str, columns: Sequence[str], problems: list[Problem]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows that have as many values as the header, by column, with the line that they end on.

    Empty rows are left out, columns beyond ``columns`` too. What is wrong is added to ``problems``.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    width, index = 0, {}
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not width:
                names, width = [cell.strip() for cell in row], len(row)
                found = _header_problems(names, label, reader.line_num, columns)
                problems += found
                if found:
                    return
                index = {name: names.index(name) for name in columns}
            elif len(row) != width:
                expected = f"{width} values, as the header has, not {len(row)}"
                problems.append(Problem(label, f"line {reader.line_num}", None, expected))
            else:
                yield reader.line_num, {name: row[index[name]] for name in columns}
    except csv.Error as error:
        expected = f"rows of comma-separated values ({error})"
        problems.append(Problem(label, f"line {reader.line_num}", None, expected))
        return
    if not width:
        problems.append(Problem(label, "", None, _header(columns)))


def _header(columns: Sequence[str]) -> str:
    return f"a header with {listed(columns, 'and')}"


def _header_problems(
    names: list[str], label: str, line: int, columns: Sequence[str]
) -> list[Problem]:
    """What is wrong with a header: a problem for each column, one if it is none at all."""
    missing = [name for name in columns if name not in names]
    if len(missing) == len(columns):
        for mark, word in _SEPARATORS.items():
            if any(mark in name for name in names):
                expected = f"values separated by commas, not by {word}"
                return [Problem(label, f"line {line}", None, expected)]
        if not any(nearest(name, names) for name in columns):
            return [Problem(label, f"line {line}", None, _header(columns))]
    problems = []
    for name in missing:
        near = nearest(name, [other for other in names if other not in columns])
        where = f"line {line}, column {name!r}"
        value = repr(near) if near else None
        problems.append(Problem(label, where, value, _header(columns), name if near else None))
    for name in columns:
        if names.count(name) > 1:
            where = f"line {line}, column {name!r}"
            expected = f"this column once, not {names.count(name)} times"
            problems.append(Problem(label, where, None, expected))
    return problems
