"""What the engine gives beside what theory says, as a Markdown table.

    python tests/validation             all cases, about half a minute
    python tests/validation Erlang-A    those whose name contains a text

Means are over independent replications with their 95 % confidence interval. Nothing here asserts;
the tests beside it do.
"""

from __future__ import annotations

import sys

from validation_cases import CASES, run


def main(texts: list[str]) -> int:
    """Print the cases whose names contain one of the texts, or all; returns the exit code."""
    chosen = [case for case in CASES if not texts or any(text in case.name for text in texts)]
    if not chosen:
        print(
            f"no case {texts[0]!r}; there are {', '.join(c.name for c in CASES)}", file=sys.stderr
        )
        return 1
    print("| case | figure | theory | simulated | n |\n|---|---|---|---|---|", flush=True)
    for case in chosen:
        for found in run(case):
            mark = "" if found.agrees else " **differs**"
            print(
                f"| {found.case} | {found.name} | {found.theory:.5f}"
                f" | {found.mean:.5f} ± {found.half_width:.5f}{mark} | {found.n} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
