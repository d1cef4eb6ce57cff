"""The page of what is supported tells the truth, and leaves no message out."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPT = HERE / "support.py"


def script():
    spec = importlib.util.spec_from_file_location("support", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SUPPORT = script()


@pytest.mark.parametrize(("version", "count"), [("1.6", 39), ("2.0.1", 64)])
def test_every_message_has_its_block(version, count):
    names = {name for _, _, name in SUPPORT.blocks().messages(version)}
    assert names == SUPPORT.official(version) and len(names) == count


def test_reasons_are_for_messages_that_there_are():
    blocks = SUPPORT.blocks()
    for version, sender, name in (*blocks.PARTIAL, *blocks.REFUSED):
        rows = {(s, n) for _, s, n in blocks.messages(version)}
        assert (sender, name) in rows


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_the_tables_send_and_serve_messages_in_the_right_direction(version):
    blocks, table = SUPPORT.blocks(), SUPPORT.tables()[version]
    rows = blocks.messages(version)
    assert set(table.requests) <= {n for _, s, n in rows if s == blocks.TO_STATION}
    assert set(table.actions) <= {n for _, s, n in rows if s == blocks.FROM_STATION}


def check(*args):
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--check", *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parents[1],
    )


def test_the_page_is_true():
    """Runs the tests that the page names; ``python tests/station/support.py`` writes it anew."""
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_page_that_names_a_test_which_did_not_see_the_message_is_found_out(tmp_path):
    other = tmp_path / "page.md"
    text = SUPPORT.PAGE.read_text(encoding="utf-8")
    proof = SUPPORT.claimed(text)[("1.6", "done", "Reset")][0]
    other.write_text(text.replace(proof, "test_registers_are_not_rebased_and_never_fall"), "utf-8")
    done = check("--page", str(other))
    assert done.returncode == 1 and "not seen" in done.stdout


def test_a_page_with_another_state_than_the_tables_say_is_found_out():
    text = SUPPORT.PAGE.read_text(encoding="utf-8")
    other = text.replace("| Reset | CSMS | implemented", "| Reset | CSMS | refused", 1)
    assert other != text
    for page in (text, other):
        claims = {key: tests for key, tests in SUPPORT.claimed(page).items() if tests}
        assert (SUPPORT.page(claims) == page) is (page is text)


def test_nothing_is_called_implemented_that_no_test_saw():
    assert "unproven" not in SUPPORT.PAGE.read_text(encoding="utf-8")
    key = ("1.6", "CSMS", "Reset")
    assert SUPPORT.state(*key, {}, set())[0] == "unproven"
    only_refused = {("1.6", "answered", "Reset"): ["test_x"]}
    assert SUPPORT.state(*key, only_refused, set())[:2] == ("partial", SUPPORT.ALWAYS_NO)
