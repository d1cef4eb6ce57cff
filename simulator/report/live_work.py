"""What a live run did: calls and their identity, messages, the fleet, transactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.measure.agreement import judged
from simulator.report import common, live_commands, live_reading, words
from simulator.report.live_reconciled import reconciled
from simulator.report.page import Absent, Block, Cell, Equation, Facts, Section, Table, Text
from simulator.report.plots import fleet as fleet_plots
from simulator.report.plots import messages as message_plots
from simulator.report.reading import Reading

_STEPS = 60
"""Steps of a rate in a small panel; finer ones would show noise."""
OUTCOMES = (
    ("answered", "answered"),
    ("callerror", "CALLERROR"),
    ("timeout", "timeout"),
    ("connection_lost", "connection lost"),
    ("censored", "censored"),
    ("skipped", "skipped"),
)


def calls(reading: Reading) -> Section:
    """The identity of calls, and calls due and answered over time."""
    counts = reading.get("calls")
    blocks: list[Block] = []
    if isinstance(counts, Mapping):
        blocks.append(identity(counts))
    title = "Calls due and calls answered"
    series = live_reading.by_second(reading)
    if series is None:
        blocks.append(Absent(title, "the run has no series by second"))
    else:
        blocks.append(
            message_plots.rate_asked_and_achieved(
                series["second"], series["planned"], series["answered"], 1.0
            )
        )
    tables = _by_type(reading), _skipped(reading), _served(reading)
    for table in tables:
        if table is not None:
            blocks.append(table)
    return Section(
        "calls",
        "Calls",
        blocks,
        "Every attempt at a call that the plan or a retry asked for ends in exactly one way. "
        "Attempts were counted when they fell due, their ends when they came.",
    )


def identity(counts: Mapping[str, Any]) -> Equation:
    """planned = the sum of the outcomes, checked."""
    planned = int(counts.get("planned") or 0)
    terms = [(label, int(counts.get(name) or 0)) for name, label in OUTCOMES]
    total = sum(value for _, value in terms)
    gap = planned - total
    verdict = (
        "The counts add up."
        if gap == 0
        else f"The counts do not add up: {words.count(abs(gap))} "
        + ("without an end." if gap > 0 else "more ends than plans.")
    )
    return Equation(
        ("planned", words.count(planned)),
        [(label, words.count(value)) for label, value in terms],
        gap == 0,
        verdict,
    )


def _by_type(reading: Reading) -> Table | None:
    """The identity for each message type."""
    found = reading.get("calls_by_action")
    if not isinstance(found, Mapping) or not found:
        return None
    names = ("planned", *(name for name, _ in OUTCOMES))
    rows = [
        [str(action), *(words.count(counts.get(name)) for name in names)]
        for action, counts in sorted(found.items(), key=lambda row: -row[1].get("planned", 0))
    ]
    heads = ("<message", "planned", *(label for _, label in OUTCOMES))
    return Table("By message type", heads, rows)


def _skipped(reading: Reading) -> Table | None:
    rows = _pairs(reading.get("skipped"))
    if not rows:
        return None
    note = "Given up before they were written, as the specification allows or asks for."
    return Table("Calls skipped", ("<message", "<reason", "count"), rows, note)


def _served(reading: Reading) -> Table | None:
    rows = _pairs(reading.get("served"))
    title = "Calls of the target that the stations answered"
    return Table(title, ("<message", "<answer", "count"), rows) if rows else None


def _pairs(found: Any) -> list[list[str]]:
    """{message: {reason: count}} as rows."""
    if not isinstance(found, Mapping):
        return []
    return [
        [str(action), str(reason), words.count(count)]
        for action, reasons in found.items()
        for reason, count in (reasons.items() if isinstance(reasons, Mapping) else ())
    ]


def messages(reading: Reading) -> Section:
    """Predicted and measured messages: over time and in total, by type."""
    blocks: list[Block] = []
    series = reading.messages()
    title = "Rates predicted from the plan and measured on the wire"
    if series is None:
        blocks.append(Absent(title, "the run has no table of messages"))
    else:
        coarse = series.coarser(_STEPS)
        blocks.append(
            message_plots.predicted_and_measured(
                coarse.seconds, coarse.predicted, coarse.measured, coarse.unit_s
            )
        )
    table = _totals(reading)
    if table is not None:
        blocks.append(table)
    exact = reading.get("prediction", "exact")
    apart = words.as_number(reading.get("prediction", "stations_not_judged")) or 0.0
    if apart and table is not None:
        count = words.plural(apart, "station")
        blocks.append(
            Text(
                f"The prediction knows no storms. Of {count} that a storm hit, or that came up in"
                " the middle of one, it says what they would have sent without it; they are in the"
                " table, and are not judged."
            )
        )
    if exact is not None and table is not None and judged(reading.message_totals())[0]:
        blocks.append(_agreement(reading, bool(exact), among_all=not apart))
    blocks += live_commands.notes(reading)
    return Section("messages", "Messages, predicted and measured", blocks)


def _agreement(reading: Reading, exact: bool, *, among_all: bool = True) -> Text:
    """What the plan determines, and whether it came so."""
    equal, close = judged(reading.message_totals())
    text = (
        f"{words.listed(list(equal))} are determined by the plan as long as the target is "
        "without faults. "
    )
    if close:
        text += f"{words.listed(list(close))} may be one off in each session. "
    where = "at every station" if among_all else "at every station that no storm touched"
    if exact:
        return Text(text + f"On this run they agree with the prediction {where}.")
    return Text(text + f"On this run they do not agree with it {where}.")


def _totals(reading: Reading) -> Table | None:
    """Answered calls against the prediction, by type."""
    stations = reading.get("prediction", "by_action")
    stations = stations if isinstance(stations, Mapping) else {}
    rows: list[list[str | Cell]] = []
    sums = [0.0, 0.0]
    for action, (predicted, measured) in reading.message_totals().items():
        row = stations.get(action, {})
        differing = words.count(row.get("stations_differing"))
        worst = words.count(row.get("largest_difference"))
        rows.append([action, *_compared(predicted, measured), differing, worst])
        sums[0] += predicted
        sums[1] += measured
    if not rows:
        return None
    rows.append(["all types", *_compared(*sums), "", ""])
    heads = ("predicted", "measured", "difference", "in percent")
    return Table(
        "In total, by type",
        ("<message", *heads, "stations that differ", "most at one station"),
        rows,
        "Measured: answered calls. MeterValues, TransactionEvent and Heartbeat may differ by one "
        "per session or station, as an interval ends just before or after a session or the run.",
    )


def _compared(predicted: float, measured: float) -> list[str]:
    gap = measured - predicted
    sign = "+" if gap > 0 else ""
    share = sign + words.share(gap / predicted) if predicted else words.DASH
    return [words.count(predicted), words.count(measured), sign + words.count(gap), share]


def fleet(reading: Reading) -> Section:
    """Connections and boots over time, and how long each step of connecting took."""
    blocks: list[Block] = []
    series = live_reading.by_second(reading)
    asked = words.as_number(reading.get("stations", "asked")) or 0
    if series is None:
        blocks.append(Absent("Stations connected and booted", "the run has no series by second"))
    else:
        seconds, held, accepted = series["second"], series["connected"], series["booted"]
        blocks.append(fleet_plots.connected(seconds, held, accepted, int(asked)))
        blocks.append(fleet_plots.connection_rate(seconds, held, accepted))
    counts = reading.get("stations")
    if isinstance(counts, Mapping):
        blocks.append(Facts([(common.label(k), words.scalar(v)) for k, v in counts.items()]))
    steps = reading.get("connect_ms")
    if isinstance(steps, Mapping) and steps:
        blocks.append(
            Table(
                "Steps of connecting",
                ("<step", "n", "p50", "p95", "p99", "max"),
                [
                    [
                        _CONNECT_STEPS.get(str(step), common.label(str(step))),
                        words.count(row.get("n")),
                        *(words.latency(row.get(q)) for q in ("p50", "p95", "p99", "max")),
                    ]
                    for step, row in steps.items()
                ],
            )
        )
    return Section("fleet", "Connections and boots", blocks)


_CONNECT_STEPS = {
    "late": "due to first attempt (the generator's)",
    "tcp": "TCP connection",
    "tls": "TLS handshake",
    "tls_resumed": "TLS handshake, session resumed",
    "upgrade": "WebSocket upgrade",
    "boot": "open to boot accepted",
}

_TRANSACTIONS = {
    "started": "Begun at a station.",
    "stopped": "Ended at the station.",
    "unacknowledged": "The station still owes the target their start or their end.",
    "discarded_after_attempts": "A message of theirs was given up after its last attempt.",
    "at_risk_of_duplicate": "A message was sent again because its answer did not come: the target "
    "may have handled both.",
    "lost": "Missing in the target's own records.",
    "duplicated": "More than once in the target's own records.",
}


def transactions(reading: Reading) -> Section:
    """Counts of transactions, and what the ledger says of their states."""
    counts = reading.get("transactions")
    blocks: list[Block] = []
    if isinstance(counts, Mapping):
        rows: list[list[str | Cell]] = []
        for name, value in counts.items():
            bad = name not in ("started", "stopped") and bool(value)
            shown = "not known" if value is None else words.scalar(value)
            rows.append(
                [
                    common.label(str(name)),
                    Cell(shown, "bad") if bad else shown,
                    _TRANSACTIONS.get(str(name), ""),
                ]
            )
        blocks.append(
            Table(
                "",
                ("<transactions", "count", "<meaning"),
                rows,
                "Lost and duplicated stay unknown until the ledger is compared with the target's "
                "records: a station cannot know.",
            )
        )
    blocks += reconciled(reading)
    states = live_reading.ledger_states(reading)
    if states:
        blocks.append(
            Table("The ledger by state", ("<state", "<reason", "transactions", "energy"), states)
        )
    held = common.flattened(reading.get("csms"))
    if held:
        blocks.append(Facts(held, "What the embedded CSMS held at the end"))
    if blocks:
        blocks.append(Text("Every transaction as its station knows it is in ledger.parquet."))
    return Section("transactions", "Transactions", blocks)
