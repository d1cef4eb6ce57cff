"""The table of bad days says nothing that no test proves, and leaves no class of a target out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from simulator.measure.errors import ErrorKind
from simulator.measure.verdict import ExitCode

TABLE = (Path(__file__).parents[2] / "simulator" / "live" / "BADDAYS.md").read_text()
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ") and "what happens" not in line]
ELSEWHERE = {
    # What one's own setting or a station's answer brings about, not a bad day of somebody.
    *{"tcp_other", "tls_protocol", "tls_own_certificate", "ping_timeout", "ocpp_callerror"},
    *{"ocpp_forbidden", "ocpp_flood", "ocpp_other", "boot_pending", "boot_rejected"},
    "id_rejected",
}


def test_every_row_names_a_test_that_is_there() -> None:
    for row in ROWS:
        proofs = re.findall(r"`(test_\w+)::(test_\w+)`", row)
        assert proofs or "the same two" in row, row
        for file, name in proofs:
            tree = ast.parse((Path(__file__).parent / f"{file}.py").read_text())
            names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert name in names, f"{file}::{name}"


def test_classes_and_exit_codes_are_those_of_the_program() -> None:
    named: set[str] = set()
    codes: set[int] = set()
    for row in ROWS:
        _, classes, code, *_ = row.strip("| ").split(" | ")
        named |= {word.partition("(")[0] for word in re.findall(r"`([a-z0-9_]+[^`]*)`", classes)}
        codes |= {int(number) for number in re.findall(r"\b\d+\b", code)}
    assert codes == {1, 3, 4, 5, 130, 0} and codes <= set(map(int, ExitCode))
    assert named == {str(kind) for kind in ErrorKind} - ELSEWHERE
