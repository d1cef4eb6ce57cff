"""What the embedded CSMS can be told. Read by the command line, the process and the tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ClientCertificates = Literal["required", "optional"]
BootStatus = Literal["accepted", "pending", "rejected"]


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
    http: int | None = None
    """Port of the HTTP API; 0 lets the system choose, None means none."""
    http_host: str = "127.0.0.1"
    """Address of the HTTP API. Whoever reaches it commands the stations."""
    on_boot: Path | None = None
    """Commands to send after each accepted boot (TOML)."""
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
    operator: str | None = None
    """Organisation that stations' certificates must name; None: any."""
    until_stdin_closes: bool = False
    """Stop when standard input closes, and ignore SIGINT: for a process that started this one."""
