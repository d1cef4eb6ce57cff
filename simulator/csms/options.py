"""What the embedded CSMS can be told. Read by the command line, the process and the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from simulator.scenario.problems import FieldError
from simulator.scenario.units import DURATION, RATIO, parse

ClientCertificates = Literal["required", "optional"]
BootStatus = Literal["accepted", "pending", "rejected"]


LIFETIME_S: Final = 365 * 86_400.0
MOST_LIFETIME_S: Final = 3650 * 86_400.0


@dataclass(frozen=True, slots=True)
class Faults:
    """How the CSMS misbehaves: shares from 0 to 1 of calls or transactions; by default not at all.

    Checked and done by :mod:`simulator.csms.faults`.
    """

    seed: int = 0
    service_time: str = ""
    """``20ms``, ``exponential(20ms)``, ``lognormal(20ms, 0.5)``; empty: at once."""
    drop_answers: float = 0.0
    """The call has its effect, nobody answers."""
    close_connections: float = 0.0
    """The call has its effect, and the connection is cut instead of an answer."""
    call_errors: float = 0.0
    """CALLERROR InternalError; the call has no effect."""
    wrong_answers: float = 0.0
    """The call has its effect; the answer fits no schema."""
    lose_transactions: float = 0.0
    """In the database: the transaction is not there, though it was answered rightly."""
    double_transactions: float = 0.0
    """In the database: it is there twice."""
    wrong_energy: float = 0.0
    """In the database: its last register is 1 kWh too high."""


FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "seed": ("--fault-seed", "which calls and transactions the faults strike"),
    "service_time": ("--service-time", "20ms, exponential(20ms), lognormal(20ms, 0.5)"),
    "drop_answers": ("--drop-answers", "share of calls that get none"),
    "close_connections": ("--close-connections", "share of calls: cut instead of answered"),
    "call_errors": ("--call-errors", "share of calls: CALLERROR InternalError"),
    "wrong_answers": ("--wrong-answers", "share of calls: an answer that fits no schema"),
    "lose_transactions": ("--lose-transactions", "share that --sqlite does not get"),
    "double_transactions": ("--double-transactions", "share that --sqlite gets twice"),
    "wrong_energy": ("--wrong-energy", "share that --sqlite gets with 1 kWh too much"),
}
"""The option of a command line by field, and what it means."""


@dataclass(frozen=True, slots=True)
class CsmsOptions:
    """How the embedded CSMS listens, whom it knows and what it answers."""

    host: str = "127.0.0.1"
    port: int = 9000
    """0 lets the system choose a free port."""
    stations: Path | None = None
    """Inventory (CSV). Other stations are refused with 404, wrong passwords with 401."""
    tokens: Path | None = None
    """Tokens (CSV). Others are Invalid, the rest have the status of the file."""
    boot_status: BootStatus = "accepted"
    heartbeat_interval_s: int = 300
    """Interval in the answer to BootNotification; retry interval if it is not accepted."""
    sqlite: Path | None = None
    """Database that is written while running, and continued if it exists."""
    validate: bool = True
    """Check calls and answers against the JSON schemas of the specification."""
    fast: bool = False
    """Answer by our own code instead of the ``ocpp`` package's: the same answers, many times as
    many a second."""
    workers: int = 1
    """Processes that share the port, each with its own limit of open files."""
    worker: int | None = None
    """Which of them this is; None for whoever starts them, or is alone."""
    held: Path | None = None
    """Where a worker leaves what it holds when it ends."""
    http: int | None = None
    """Port of the HTTP API; 0 lets the system choose, None means none."""
    http_host: str = "127.0.0.1"
    """Address of the HTTP API. Whoever reaches it commands the stations."""
    on_boot: Path | None = None
    """Commands to send after each accepted boot (TOML)."""
    ca: Path | None = None
    """Folder of the certificate authority, made if it is not there; None: one in memory."""
    certificate_lifetime_s: float = LIFETIME_S
    """Of the certificates that the authority issues to stations."""
    operator: str | None = None
    """Organisation that stations' certificates must name; None: any."""
    contract_roots: Path | None = None
    """Folder of what contract certificates are verified by; None examines none."""
    exi_response: Path | None = None
    """Canned answer to every Get15118EVCertificate; without it these are answered Failed."""
    faults: Faults = Faults()
    json: bool = False
    """Print what is held at the end as one JSON object on standard output, not as a table."""
    tls_cert: Path | None = None
    """The server's certificate chain (PEM): listen with TLS, at a ``wss://`` address."""
    tls_key: Path | None = None
    """Its private key, unencrypted; None: in the same file."""
    client_ca: Path | None = None
    """Authorities (PEM) of stations' certificates: a station shows one of them, for its identity or
    for the serial number that the inventory has for it, and then needs no password."""
    client_certificates: ClientCertificates = "required"
    """Whether stations without one are let in (by password, if they have one); never again once
    they have shown one."""
    until_stdin_closes: bool = False
    """Stop when standard input closes, and ignore SIGINT: for a process that started this one."""


def read_ratio(text: str) -> float:
    """Read ``1%`` or ``0.01``; FieldError for what is no ratio from 0 to 1."""
    value = parse(RATIO, text)
    if not 0.0 <= value <= 1.0:
        raise FieldError('a ratio from 0 to 1, such as "1%"')
    return value


def read_lifetime(text: str) -> float:
    """Read how long certificates are valid, in seconds; FieldError for what is no such time."""
    seconds = parse(DURATION, text)
    if not 0.0 < seconds <= MOST_LIFETIME_S:
        raise FieldError(f"a time above 0, at most {MOST_LIFETIME_S / 86_400:g}d")
    return seconds
