"""Write the page of what the station speaks, from the tests that saw it speak.

    python tests/station/support.py            # run the tests of the room, write the page
    python tests/station/support.py --check    # run the tests that the page names; 1 if it lies

A message is implemented where the version's table has it *and* a test that passes saw it on the
wire and valid by the official schema; partial where ``blocks.PARTIAL`` says so; refused where the
CSMS is told NotSupported, or the station never sends it. The page names two tests for each message,
the most particular ones; checking runs those alone, so that it costs seconds.
"""

import argparse
import contextlib
import os
import re
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "simulator" / "station" / "SUPPORT.md"
PROOFS = 2
WAYS = {"CSMS": "done", "station": "sent"}
ALWAYS_NO = "refused whenever it came"
HEAD = """# What the station speaks

Written by `python tests/station/support.py` from the tests; a test fails when it is not true.

*Implemented*: the named tests saw the message on the wire, valid by the official JSON schema, with
the effect that their names tell. *Partial*: so, but for what is said. *Refused*: a CALL is answered
with NotSupported. *Not sent*: a station's own message that it never sends.
"""


def blocks():
    """The module with the tables (the tests are no package)."""
    sys.path.insert(0, str(HERE))
    try:
        import blocks as module
    finally:
        sys.path.remove(str(HERE))
    return module


def tables():
    """The version tables by version."""
    from simulator.station import v16, v201

    return {"1.6": v16.TABLE, "2.0.1": v201.TABLE}


def official(version):
    """The names of all messages of which the ``ocpp`` package has schemas."""
    folder = files("ocpp.v16" if version == "1.6" else "ocpp.v201") / "schemas"
    names = {path.name.removesuffix(".json") for path in folder.iterdir() if ".json" in path.name}
    return {name.removesuffix("Response").removesuffix("Request") for name in names}


class Run:
    """A plugin: keeps the tests with a wanted name, and remembers those that failed."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.failed = set()

    def pytest_collection_modifyitems(self, items):
        if self.wanted is not None:
            items[:] = [item for item in items if item.originalname in self.wanted]

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid.partition("[")[0].rpartition("::")[2])


def seen(wanted=None):
    """{(version, what, action): tests that saw it}, of the tests of the room, or some of them."""
    run = Run(wanted)
    rooms = [str(path) for path in sorted(HERE.glob("test_*.py")) if path.stem not in SELF]
    with tempfile.TemporaryDirectory() as scratch, Path(os.devnull).open("w") as nowhere:
        options = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += ["-o", "addopts=--import-mode=importlib", f"--basetemp={scratch}/t"]
        with contextlib.redirect_stdout(nowhere):
            pytest.main([*options, *rooms], plugins=[run])
    found = {}
    for version, what, action, test in sys.modules["station_harness"].RECORD:
        if test and test not in run.failed:
            found.setdefault((version, what, action), set()).add(test)
    return found


SELF = ("test_support", "test_switch_off")
"""Files that run this one, or no station at all."""


def there():
    """The names of all tests of the room."""
    found = set()
    for path in HERE.glob("test_*.py"):
        found |= set(re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE))
    return found


def chosen(found):
    """The tests to name for each message: whose names tell of it, and which saw the fewest."""
    breadth = {}
    for tests in found.values():
        for test in tests:
            breadth[test] = breadth.get(test, 0) + 1
    named = re.compile(r"test_(1_6|[a-p]\d\d|p4)", re.IGNORECASE)
    return {
        key: sorted(tests, key=lambda t: (not named.match(t), -_tells(t, key[2]), breadth[t], t))[
            :PROOFS
        ]
        for key, tests in found.items()
    }


def _tells(test, message):
    """How much of a message's name is in the name of a test."""
    return sum(word.lower() in test for word in re.findall("[A-Z][a-z]{3,}", message))


def state(version, sender, name, proofs, tests):
    """(state, why, tests to name) of a message."""
    table, kept = tables()[version], blocks()
    key = (version, sender, name)
    served = name in (table.requests if sender == kept.TO_STATION else table.actions)
    proof = proofs.get((version, WAYS[sender], name), []) if served else []
    refusals = proofs.get((version, "answered", name), []) if served else []
    if refusals and not proof:
        return "partial", ALWAYS_NO, refusals
    if served and proof:
        why, ends = kept.PARTIAL.get(key, ("", ""))
        over = bool(ends) and any(test.startswith(ends) for test in tests)
        return ("partial", why, proof) if why and not over else ("implemented", "", proof)
    why = kept.REFUSED.get(key, "")
    if served:
        return "unproven", "no test saw it", []
    if sender == kept.FROM_STATION:
        return "not sent", why, []
    return "refused", why, proofs.get((version, "refused", name), [])


def page(proofs):
    """The whole text."""
    tests, kept = there(), blocks()
    lines = [HEAD]
    for version in kept.BLOCKS:
        rows = [
            (block, sender, name, *state(version, sender, name, proofs, tests))
            for block, sender, name in kept.messages(version)
        ]
        names = {name for _, _, name, *_ in rows}
        lines += [f"## OCPP {version}: {len(names)} messages", "", *_summary(rows), ""]
        lines += ["| message | sent by | state | tests |", "|---|---|---|---|"]
        for _, sender, name, word, why, proof in rows:
            told = f"{word}: {why}" if why else word
            lines.append(f"| {name} | {sender} | {told} | {' '.join(f'`{t}`' for t in proof)} |")
        lines.append("")
    return "\n".join(lines)


def _summary(rows):
    yield "| functional block | state | implemented | partial | refused or not sent |"
    yield "|---|---|---|---|---|"
    for block in dict.fromkeys(row[0] for row in rows):
        words = [row[3] for row in rows if row[0] == block]
        done, part = words.count("implemented"), words.count("partial")
        rest = len(words) - done - part
        whole = "implemented" if not part and not rest else "partial"
        whole = whole if done or part else "refused"
        yield f"| {block} | {whole} | {done} | {part} | {rest} |"


def named(text):
    """The tests that a page names."""
    return set(re.findall(r"`(test_\w+)`", text))


def claimed(text):
    """{(version, what, action): tests} as a page has them."""
    found, version = {}, ""
    for line in text.splitlines():
        if line.startswith("## OCPP "):
            version = line.removeprefix("## OCPP ").partition(":")[0]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[1] in WAYS:
            what = "refused" if cells[2].startswith("refused") else WAYS[cells[1]]
            what = "answered" if cells[2].endswith(ALWAYS_NO) else what
            found[(version, what, cells[0])] = re.findall(r"`(test_\w+)`", cells[3])
    return found


def check(text):
    """What is wrong with a page; "" if nothing is."""
    found = seen(named(text))
    claims = {key: tests for key, tests in claimed(text).items() if tests}
    for key, tests in claims.items():
        lies = set(tests) - found.get(key, set())
        if lies:
            return f"{key}: not seen, or no longer passing, in {sorted(lies)}"
    if page(claims) != text:
        return "the tables say otherwise"
    return ""


def main():
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="check the page that is there")
    parser.add_argument("--page", type=Path, default=PAGE, help="another place for the page")
    args = parser.parse_args()
    if args.check:
        wrong = check(args.page.read_text(encoding="utf-8"))
        print(f"{args.page.name}: {wrong or 'true'}")
        return int(bool(wrong))
    args.page.write_text(page(chosen(seen())), encoding="utf-8")
    print(f"wrote {args.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
