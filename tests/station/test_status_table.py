"""STATUS.md claims nothing that no test proves."""

import re
from importlib.resources import files
from pathlib import Path

TESTS = set()
for path in Path(__file__).parent.glob("test_*.py"):
    TESTS |= set(re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))


def rows():
    text = (files("simulator.station") / "STATUS.md").read_text(encoding="utf-8")
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] not in ("behaviour", "---"):
            yield cells


def test_every_row_says_yes_partly_or_no_and_names_tests_that_exist():
    seen = list(rows())
    assert len(seen) > 40
    for behaviour, where, state, proof in seen:
        assert where and re.match(r"(yes|partly|no)\b", state), behaviour
        named = re.findall(r"`(\w+)`", proof)
        assert named or state.startswith("no"), behaviour
        assert set(named) <= TESTS, set(named) - TESTS


def test_every_test_named_after_the_specification_is_in_the_table_or_beside_a_row_of_it():
    """No requirement is tested and then left out of the table: its section appears there."""
    text = (files("simulator.station") / "STATUS.md").read_text(encoding="utf-8")
    for name in TESTS:
        match = re.match(r"test_1_6_(\d+)_(\d+)(?:_(\d+))?_", name)
        if match:
            section = "§" + ".".join(part for part in match.groups()[:2])
            assert section in text, name
