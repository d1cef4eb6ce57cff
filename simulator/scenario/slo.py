"""The clauses of ``[slo] require``: text in, `Clause` out.

Parses only. Clauses are evaluated where the measurement is.

Grammar::

    p50|p95|p99|p99.9|max|mean "(" actions "." response|service|queue ")" op duration
    p50|p95|p99|p99.9|max|mean "(" calls "." step ")" op duration
    errors.ratio|stations.booted_ratio op ratio
    calls.<outcome> | transactions.<count> | stations.<count>  op  whole number
    op := "<" | "<=" | "=" | ">=" | ">"
    actions := "*" | Action { "|" Action }
    calls := Name { "|" Name }           of csms.calls, or RemoteStart (drivers with an app)
    step := api | command | late | answered | started | ended | power | booted

Several actions are judged together: OCPP versions have different names for one thing, as in
``p99(StartTransaction|TransactionEvent.response) < 2 s``. Whether there are calls of those names is
``check_calls``'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from simulator.scenario import units
from simulator.scenario.call_model import STEPS
from simulator.scenario.problems import FieldError, listed, nearest

STATISTICS = ("p50", "p95", "p99", "p99.9", "max", "mean")
KINDS = ("response", "service", "queue")
ACTIONS = (
    "Authorize",
    "BootNotification",
    "ClearedChargingLimit",
    "DataTransfer",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Get15118EVCertificate",
    "GetCertificateStatus",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDisplayMessages",
    "NotifyEVChargingNeeds",
    "NotifyEVChargingSchedule",
    "NotifyEvent",
    "NotifyMonitoringReport",
    "NotifyReport",
    "ReportChargingProfiles",
    "ReservationStatusUpdate",
    "SecurityEventNotification",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
    "TransactionEvent",
)
"""Requests that our stations send, in any version: the names in ``station``'s tables, which this
room may not import; a test sees that they are the same."""
RATIOS = ("errors.ratio", "stations.booted_ratio")
COUNTS = (
    "calls.planned",
    "calls.answered",
    "calls.callerror",
    "calls.timeout",
    "calls.connection_lost",
    "calls.censored",
    "calls.skipped",
    "transactions.started",
    "transactions.stopped",
    "transactions.unacknowledged",
    "transactions.discarded_after_attempts",
    "transactions.at_risk_of_duplicate",
    "stations.connected",
    "stations.booted",
)
PATHS = (*RATIOS, *COUNTS)

_OP = r"\s*(<=|>=|<|>|=)\s*(.+?)\s*"
_WORDS = r"[\w*][\w* -]*"
_LATENCY = re.compile(rf"\s*([\w.]+)\s*\(\s*({_WORDS}(?:\|\s*{_WORDS})*)\.\s*(\w+)\s*\)" + _OP)
_PATH = re.compile(r"\s*([a-z_]+\.[a-z_]+)" + _OP)
_FORM = '"p95(Action.response) < 500 ms" or "errors.ratio < 0.1 %"'


@dataclass(frozen=True, slots=True)
class Clause:
    """One requirement. Either ``statistic``, ``actions`` and ``kind`` are set, or ``path`` is."""

    text: str
    statistic: str | None
    actions: tuple[str, ...]
    """Names of actions that are judged together, or ``*`` for all; empty for a ``path``. Where
    ``kind`` is a step of calls: their names."""
    kind: str | None
    path: str | None
    op: str
    limit: float
    """Seconds for a latency, 0..1 for a ratio, otherwise a count."""

    @property
    def of_calls(self) -> bool:
        """It is about a step of ``csms.calls``."""
        return self.kind in STEPS

    @property
    def unit(self) -> str:
        """``s``, ``ratio`` or ``count``: what ``limit`` is in."""
        if self.path is None:
            return "s"
        return "ratio" if self.path in RATIOS else "count"


def parse_clause(text: str) -> Clause:
    """Read one clause; raises FieldError, which says what was expected."""
    latency = _LATENCY.fullmatch(text)
    if latency is not None:
        return _latency(text, *latency.groups())
    path = _PATH.fullmatch(text)
    if path is not None:
        return _path(text, *path.groups())
    raise FieldError(f"a clause such as {_FORM}")


def _latency(text: str, statistic: str, action: str, kind: str, op: str, limit: str) -> Clause:
    _known("statistic", statistic, STATISTICS, text)
    actions = tuple(dict.fromkeys(" ".join(name.split()) for name in action.split("|")))
    if kind in STEPS:
        if "*" in actions or "" in actions:
            raise FieldError(f"the name of a call of csms.calls before .{kind}")
        return Clause(text, statistic, actions, kind, None, op, _limit(text, limit, units.DURATION))
    if actions != ("*",):
        for name in actions:
            _known("message", name, ACTIONS, text)
    _known("kind of latency", kind, (*KINDS, *STEPS), text)
    return Clause(text, statistic, actions, kind, None, op, _limit(text, limit, units.DURATION))


def _path(text: str, path: str, op: str, limit: str) -> Clause:
    _known("figure", path, PATHS, text)
    if path in RATIOS:
        value = _limit(text, limit, units.RATIO)
    elif re.fullmatch(r"[0-9]+", limit):
        value = float(limit)
    else:
        raise FieldError(f"a whole number after {op!r}")
    return Clause(text, None, (), None, path, op, value)


def _known(what: str, word: str, known: tuple[str, ...], text: str) -> None:
    if word not in known:
        near = nearest(word, known)
        suggestion = text.replace(word, near, 1) if near else None
        raise FieldError(f"a {what} out of {listed(known)}", suggestion)


def _limit(text: str, limit: str, quantity: units.Quantity) -> float:
    try:
        value = units.parse(quantity, limit)
    except FieldError as error:
        near = text.replace(limit, error.suggestion, 1) if error.suggestion else None
        raise FieldError(f"{error.expected} as the limit", near) from None
    if value < 0:
        raise FieldError("a limit of 0 or more")
    return value


def watchable(clause: Clause) -> bool:
    """Can the clause be judged every second of a run? Latencies by message and transactions cannot.

    What is known each second are the responses of all messages together, counts and ratios.
    """
    if clause.path is not None:
        return not clause.path.startswith("transactions.")
    return clause.actions == ("*",) and clause.kind == "response" and clause.statistic in WATCHED


WATCHED = ("p50", "p95", "p99")
"""Statistics of the responses of the last seconds that are known while a run lasts."""
