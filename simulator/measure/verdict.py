"""The verdict of a run, its reasons, and every exit code of the program: the one place for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.measure.slo import ClauseResult
    from simulator.measure.validity import ValidityRow


class ExitCode(IntEnum):
    """What the process returns."""

    OK = 0
    USAGE = 1
    """A usage or scenario error."""
    SLO_MISSED = 2
    INVALID = 3
    TARGET_UNREACHABLE = 4
    SHARD_LOST = 5
    INTERNAL = 70
    INTERRUPTED = 130


class Verdict(StrEnum):
    """What a run amounts to."""

    PASS = "PASS"
    """Every clause of the SLO is met, and the generator kept up."""
    NO_SLO = "NO_SLO"
    """The scenario requires nothing that applies; the generator kept up."""
    SLO_MISSED = "SLO_MISSED"
    INVALID = "INVALID"
    """The generator did not keep up: the run says nothing about the CSMS."""
    SHARD_LOST = "SHARD_LOST"
    TARGET_UNREACHABLE = "TARGET_UNREACHABLE"
    INTERRUPTED = "INTERRUPTED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


EXIT_CODES: dict[Verdict, ExitCode] = {
    Verdict.PASS: ExitCode.OK,
    Verdict.NO_SLO: ExitCode.OK,
    Verdict.SLO_MISSED: ExitCode.SLO_MISSED,
    Verdict.INVALID: ExitCode.INVALID,
    Verdict.SHARD_LOST: ExitCode.SHARD_LOST,
    Verdict.TARGET_UNREACHABLE: ExitCode.TARGET_UNREACHABLE,
    Verdict.INTERRUPTED: ExitCode.INTERRUPTED,
    Verdict.INTERNAL_ERROR: ExitCode.INTERNAL,
}


def exit_code(verdict: Verdict | str) -> int:
    """The exit code of a verdict (or of its name); raises ValueError for an unknown name."""
    return int(EXIT_CODES[Verdict(verdict)])


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and why."""

    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """The exit code of the verdict."""
        return exit_code(self.verdict)


def decide(
    *,
    validity: Sequence[ValidityRow] = (),
    clauses: Sequence[ClauseResult] = (),
    interrupted: str | None = None,
    aborted: str | None = None,
    unreachable: str | None = None,
    lost_shards: Sequence[str] = (),
) -> Decision:
    """Weigh what happened; the gravest wins, and the reasons of the lesser ones follow.

    ``interrupted``, ``aborted`` (by a clause of the SLO), ``unreachable`` and each
    of ``lost_shards`` say in words what happened.
    """
    broken = [
        f"{row.name}: {_number(row.measured)} {row.unit}, limit {_number(row.limit)} ({row.why})"
        for row in validity
        if not row.ok
    ]
    missed = [
        f"{clause.text}: {_number(clause.value)} {clause.unit}"
        + (f" ({clause.note})" if clause.note else "")
        for clause in clauses
        if not clause.ok
    ]
    grounds: tuple[tuple[Verdict, Sequence[str]], ...] = (
        (Verdict.INTERRUPTED, [interrupted] if interrupted is not None else []),
        (Verdict.TARGET_UNREACHABLE, [unreachable] if unreachable is not None else []),
        (Verdict.SHARD_LOST, lost_shards),
        (Verdict.INVALID, broken),
        (Verdict.SLO_MISSED, [aborted, *missed] if aborted else missed),
    )
    reasons = tuple(reason for _, words in grounds for reason in words)
    for verdict, words in grounds:
        if words:
            return Decision(verdict, reasons)
    judged = [clause for clause in clauses if clause.applies]
    aside = tuple(f"{clause.text}: {clause.note}" for clause in clauses if not clause.applies)
    if judged:
        met = f"all {len(judged)} clauses of the SLO" + (" that apply" if aside else "")
        return Decision(Verdict.PASS, (f"{met} are met", *aside))
    if aside:
        return Decision(Verdict.NO_SLO, ("no clause of the SLO applies to this run", *aside))
    return Decision(Verdict.NO_SLO, ("the scenario requires nothing",))


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
