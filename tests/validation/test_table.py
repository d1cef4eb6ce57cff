"""The README's table is one that ``python tests/validation`` prints."""

from __future__ import annotations

from pathlib import Path

from validation_table import FAMILIES, HEAD, energy, exactness, optima, published

README = Path(__file__).parents[2] / "README.md"


def table() -> list[list[str]]:
    """The cells of the table in the README's section on validation."""
    section = README.read_text(encoding="utf-8").split("\n## Validation\n")[1].split("\n## ")[0]
    assert "`python tests/validation`" in section
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_readme_asks_the_questions_that_the_command_answers():
    head, _, *body = table()
    assert tuple(head) == HEAD
    now = [row for part in (energy, exactness, optima, published) for row in part()]
    assert len(body) == len(FAMILIES) + len(now)
    assert [row[0] for row in body[: len(FAMILIES)]] == [family[0] for family in FAMILIES]
    for cells, row in zip(body[len(FAMILIES) :], now, strict=True):
        assert cells[:2] == [row.question, row.source]
        if row.source in ("Sørensen et al. 2021", "DESL-EPFL, Lausanne"):
            assert cells[3] == row.theirs
    assert all(len(cells) == len(HEAD) and cells[4] for cells in body)
