"""CSV files: one problem for a file that is no such table, and no row lost in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenario import InputError
from simulator.scenario.csvfile import read_rows, read_text
from simulator.scenario.problems import Problem

COLUMNS = ("id", "vendor", "connectors")
HEADER = "a header with id, vendor and connectors"


def read(text: str) -> tuple[list[dict[str, str]], list[str]]:
    problems: list[Problem] = []
    rows = [row for _, row in read_rows(text, "f.csv", COLUMNS, problems)]
    return rows, [str(problem) for problem in problems]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_are_read_by_column_with_either_line_ending(end: str) -> None:
    text = end.join(["", "note,connectors, id ,vendor", "n,2,a,V", "", "m,1,b,W", ""])
    assert read(text) == (
        [
            {"id": "a", "vendor": "V", "connectors": "2"},
            {"id": "b", "vendor": "W", "connectors": "1"},
        ],
        [],
    )


@pytest.mark.parametrize("text", ["", "\n\n", "   \n,,\n"])
def test_an_empty_file_is_one_problem(text: str) -> None:
    assert read(text) == ([], [f"f.csv: expected {HEADER}"])


def test_a_file_without_a_header_is_one_problem() -> None:
    assert read("S1,Acme,2\n") == ([], [f"f.csv: line 1: expected {HEADER}"])


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_named_once(mark: str, word: str) -> None:
    text = "id,vendor,connectors\na,V,2\n".replace(",", mark)
    assert read(text) == (
        [],
        [f"f.csv: line 1: expected values separated by commas, not by {word}"],
    )


def test_a_column_that_is_missing_or_misspelt_is_named() -> None:
    assert read("id,conectors\na,2\n")[1] == [
        f"f.csv: line 1, column 'vendor': expected {HEADER}",
        f"f.csv: line 1, column 'connectors': value 'conectors': expected {HEADER}; "
        "did you mean 'connectors'?",
    ]


def test_a_column_given_twice_is_refused_since_nobody_knows_which_one_counts() -> None:
    assert read("id,vendor,id,connectors\na,V,b,2\n") == (
        [],
        ["f.csv: line 1, column 'id': expected this column once, not 2 times"],
    )


def test_a_row_that_cannot_be_read_is_an_error_and_not_the_end_of_the_file() -> None:
    rows, problems = read(f"id,vendor,connectors\na,V,2\n{'x' * 200_000},V,2\nb,V,1\n")
    assert [row["id"] for row in rows] == ["a"]
    assert len(problems) == 1
    assert problems[0].startswith("f.csv: line 3: expected rows of comma-separated values (")


def test_a_row_of_another_length_is_located_and_the_rest_is_read() -> None:
    rows, problems = read("id,vendor,connectors\na,V\nb,V,1\n")
    assert [row["id"] for row in rows] == ["b"]
    assert problems == ["f.csv: line 2: expected 3 values, as the header has, not 2"]


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "folder").mkdir()
    for name, expected in (
        ("nowhere", "expected a file that exists"),
        ("folder", "expected a file, not a folder"),
        ("binary", "byte 128: expected text in UTF-8"),
        ("a\0b", "expected a file name without a null character"),
    ):
        with pytest.raises(InputError) as caught:
            read_text(tmp_path / name, "f")
        assert str(caught.value) == f"f: {expected}"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes("\ufeffid\n".encode())
    assert read_text(tmp_path / "f", "f") == "id\n"
