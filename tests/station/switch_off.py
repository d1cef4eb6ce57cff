"""Switch every behaviour of the station off in turn and see the tests that prove it fail.

    python tests/station/switch_off.py [WORD ...]        # rows whose key has one of the words

Collects the tests that ``behaviours.py`` names once, then forks a child for each switch: the child
throws the switch, runs those tests and tells which failed. Prints a table; the exit status is 1 if
a test went on passing without the behaviour that it is named for. Needs ``os.fork``.
"""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOMS = (HERE, HERE.parent / "live")
HANGS_S = 60


def rows(words=()):
    """The rows of the table whose key has one of the words."""
    sys.path.insert(0, str(HERE))
    try:
        from behaviours import ROWS
    finally:
        sys.path.remove(str(HERE))
    return [row for row in ROWS if not words or any(word in row.key for word in words)]


def existing():
    """The names of all tests of the rooms."""
    found = set()
    for room in ROOMS:
        for path in room.glob("test_*.py"):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE))
    return found


class Collected:
    """A plugin that takes over the run: one child after another, none of them this process."""

    def __init__(self, chosen):
        self.chosen = chosen
        self.found = []
        self.there = existing()

    def pytest_collection_modifyitems(self, items):
        wanted = {t for row in self.chosen for switch in row.switches for t in switch.tests}
        items[:] = [item for item in items if item.originalname in wanted]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        for row in self.chosen:
            for switch in row.switches:
                if not switch.ready(self.there):
                    continue
                items = [item for item in session.items if item.originalname in switch.tests]
                self.found.append((row, switch, _in_a_child(switch, items)))
        return True


def _in_a_child(switch, items):
    """Names of the tests that failed without the behaviour, with why; None: the child died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            signal.alarm(HANGS_S)
            switch.off()
            with os.fdopen(writing, "w") as out:
                json.dump(_run(items), out)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def _run(items):
    from _pytest.runner import runtestprotocol

    failed = {}
    for item in items:
        for report in runtestprotocol(item, log=False, nextitem=None):
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                why = crash.message if crash is not None else str(report.longrepr)
                failed.setdefault(item.originalname, why.splitlines()[0][:100])
    return failed


def throw(chosen):
    """(row, switch, tests that failed) of every switch of the rows."""
    plugin = Collected(chosen)
    with tempfile.TemporaryDirectory() as scratch:
        options = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += ["-o", "addopts=--import-mode=importlib", f"--basetemp={scratch}/t"]
        pytest.main([*options, *map(str, ROOMS)], plugins=[plugin])
    return plugin.found


def still_passing(switch, failed):
    """The tests that a switch did not make fail."""
    return [test for test in switch.tests if failed is None or test not in failed]


def main():
    """Print the table; 1 if a test passes without what it proves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="rows whose key has one of these words")
    parser.add_argument("--why", action="store_true", help="print how each test failed")
    args = parser.parse_args()
    chosen = rows(args.words)
    found = throw(chosen)
    tests = existing()
    wrong = len(found) != sum(s.ready(tests) for row in chosen for s in row.switches)
    print("| behaviour | switched off | test | failed |\n|---|---|---|---|")
    for row, switch, failed in found:
        passing = still_passing(switch, failed)
        wrong = wrong or bool(passing)
        for test in switch.tests:
            print(
                f"| {row.key} | {switch.what} | `{test}` | {'NO' if test in passing else 'yes'} |"
            )
            if args.why and failed and test in failed:
                print(f"    {failed[test]}")
    for row in chosen:
        if why := row.why_not(tests):
            print(f"| {row.key} | - | not covered: {why} | - |")
    print(f"{len(found)} switches; {'something still passes' if wrong else 'every test failed'}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
