"""What the engine gives beside what theory and measurements say, as a Markdown table.

    python tests/validation                one row a question: the README's table
    python tests/validation --all          every figure of queueing theory instead
    python tests/validation Erlang-C       those whose case's name contains a text
    python tests/validation --all --seed 7 with other draws

Means are over independent replications with their 95 % confidence interval; SE is the standard
error. Nothing here asserts; the tests beside it do.
"""

from __future__ import annotations

import argparse
import sys

import conftest  # noqa: F401 (makes the modules below importable)
from validation_cases import CASES, SEED, Case, run


def main(arguments: list[str]) -> int:
    """Print the table, or the figures of some cases; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python tests/validation", description=__doc__)
    parser.add_argument("texts", nargs="*", help="cases whose name contains one of these")
    parser.add_argument("--all", action="store_true", help="every figure of every case")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default {SEED}")
    asked = parser.parse_args(arguments)
    if not asked.texts and not asked.all:
        from validation_table import print_table

        print_table(asked.seed, lambda line: print(line, flush=True))
        return 0
    chosen = [case for case in CASES if asked.all or any(t in case.name for t in asked.texts)]
    if not chosen:
        names = ", ".join(case.name for case in CASES)
        print(f"no case {asked.texts[0]!r}; there are {names}", file=sys.stderr)
        return 1
    print_figures(chosen, asked.seed)
    return 0


def print_figures(cases: list[Case], seed: int) -> None:
    """Every figure of some cases with its distance from theory and its bound."""
    print("| case | figure | theory | simulated | n | SE | bound |\n|---|---|---|---|---|---|---|")
    for case in cases:
        for found in run(case, seed):
            mark = "" if found.agrees else " **differs**"
            print(
                f"| {found.case} | {found.name} | {found.theory:.5f}"
                f" | {found.mean:.5f} ± {found.half_width:.5f}{mark} | {found.n}"
                f" | {found.distance:+.2f} | {found.bound:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
