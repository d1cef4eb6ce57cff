"""The page that says what the report's words mean. Fixed text, the same in every report."""

from __future__ import annotations

from simulator.report.page import Block, Section, Table

_LIVE: tuple[tuple[str, str], ...] = (
    (
        "due time",
        "When the plan says a call should leave its station. The plan is made before the run and "
        "does not wait for the target, so a slow target cannot slow the load down unseen.",
    ),
    (
        "response",
        "Time of the answer minus due time: what a driver or a back office would notice. It "
        "includes every wait before the call could be written.",
    ),
    (
        "service",
        "Time of the answer minus the time the call was written to the socket: how long the target "
        "and the network took for it.",
    ),
    ("queue", "Time written minus due time: response = queue + service for each call."),
    (
        "protocol wait",
        "The part of the queue during which an earlier call of the station was unanswered or its "
        "socket could not be written. OCPP-J allows one outstanding call per direction. It is the "
        "target's doing and counts.",
    ),
    (
        "station wait",
        "The part of the queue that the station's own rules cause: offline, before its boot is "
        "accepted, back-off, retry interval. The scenario's doing.",
    ),
    (
        "generator wait",
        "The rest of the queue: this program was late. It counts against the run's validity.",
    ),
    (
        "timeout",
        "A call unanswered for the call timeout. It is counted and also stands in the response "
        "histogram at its age, so that giving up never makes a percentile look better.",
    ),
    (
        "censored",
        "A call that was due and unanswered when the run ended. Its latency is at least its age "
        "then; such calls are listed, not dropped.",
    ),
    (
        "planned",
        "Attempts at a call, retries included. Each ends in exactly one of: answered, CALLERROR, "
        "timeout, connection lost, censored, skipped.",
    ),
    (
        "failed calls",
        "CALLERROR, timeout and connection lost, as a share of those and the answered ones.",
    ),
    (
        "percentiles",
        "From merged HDR histograms with three significant digits over all shards. Percentiles are "
        "never averaged. Percentiles over time come from coarser histograms, one per second, "
        "within about 6 %.",
    ),
    (
        "unacknowledged",
        "A transaction of which the station still owes the target a message at the end. Whether "
        "the target lost or duplicated one only its own records can tell.",
    ),
)
_VERDICTS: tuple[tuple[str, str], ...] = (
    ("PASS", "The generator was valid and every SLO clause holds."),
    ("SLO_MISSED", "The generator was valid and at least one SLO clause does not hold."),
    ("NO_SLO", "The generator was valid; the scenario sets no SLO, so nothing was judged."),
    (
        "INVALID",
        "The generator could not keep up with its own plan, or the count of calls does not add up. "
        "The figures say nothing reliable about the target, whatever they look like.",
    ),
    (
        "SHARD_LOST",
        "A process of the generator ended before its time; its measurements are missing.",
    ),
    ("INTERRUPTED", "The run ended before its time; the report shows what had been measured."),
)
_SIMULATION: tuple[tuple[str, str], ...] = (
    (
        "visit and session",
        "A visit is a vehicle that turns up wanting energy; a session is what became of it.",
    ),
    (
        "power and energy",
        "Grid side: losses between the meter and the battery are included. Energy per interval is "
        "exact; mean power is that energy divided by the interval.",
    ),
    (
        "peak",
        "Per site the largest instantaneous power, exact at every event. For the network the "
        "largest mean over an interval, which is lower than an instantaneous peak may be.",
    ),
    (
        "not served",
        "Energy wanted and not delivered: to those who left early, gave up waiting, found no place "
        "or no EVSE that fits.",
    ),
    ("waiting time", "From arrival to plug-in, or to giving up."),
    (
        "exact",
        "Between two decisions of the site's policy each vehicle follows its charge curve in "
        "closed form. There is no time step, so results do not depend on one.",
    ),
    (
        "predicted messages",
        "Counted by the same table from events to OCPP messages by which live stations send.",
    ),
)


def section(*, live: bool) -> Section:
    """Definitions, and for a live run the meaning of each verdict."""
    blocks: list[Block] = [
        Table("", ("<term", "<meaning"), _LIVE if live else _SIMULATION, fold_after=100)
    ]
    if live:
        blocks.append(Table("What a verdict means", ("<verdict", "<meaning"), _VERDICTS))
    return Section("method", "Method", blocks)
