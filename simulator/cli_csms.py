"""The commands about the embedded CSMS: run it, and have it command. Registered by ``cli``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class BootAnswer(StrEnum):
    """What the embedded CSMS answers to BootNotification."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"


_FAULTS = "Misbehaviour, on request (also over the HTTP API: POST /faults)"
_Share = Annotated[
    str, typer.Option(metavar="SHARE", help="Of calls, such as 1%.", rich_help_panel=_FAULTS)
]
_Booked = Annotated[
    str,
    typer.Option(
        metavar="SHARE", help="Of transactions in the --sqlite file.", rich_help_panel=_FAULTS
    ),
]


class ClientCertificates(StrEnum):
    """Whether stations must show a certificate."""

    REQUIRED = "required"
    OPTIONAL = "optional"


def csms(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 9000,
    stations: Annotated[
        Path | None,
        typer.Option(help="stations.csv: refuse unknown stations (404) and wrong passwords (401)."),
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option(help="tokens.csv: any other token is Invalid.")
    ] = None,
    sqlite: Annotated[
        Path | None, typer.Option(help="Keep stations, transactions and registers in this file.")
    ] = None,
    heartbeat_interval: Annotated[
        int, typer.Option(min=1, metavar="SECONDS", help="The interval handed out at boot.")
    ] = 300,
    boot_status: Annotated[
        BootAnswer, typer.Option(help="The answer to BootNotification.")
    ] = BootAnswer.ACCEPTED,
    http: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            help="Open the HTTP API there (0: any free port): GET /openapi.json describes it.",
        ),
    ] = None,
    http_host: Annotated[
        str,
        typer.Option(
            metavar="HOST",
            help="The address of the HTTP API. It has no users: who reaches it commands.",
        ),
    ] = "127.0.0.1",
    on_boot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Commands to send after each accepted boot: a TOML file, or usual-questions, or "
            "new-certificates.",
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The certificate authority that signs for stations; made if it is not there. "
            "Without this one in memory.",
        ),
    ] = None,
    certificate_lifetime: Annotated[
        str, typer.Option(metavar="TIME", help="Of the certificates that it issues.")
    ] = "365d",
    tls_cert: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Listen with TLS: the server's certificate (PEM)."),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its private key, if not in the same file."),
    ] = None,
    client_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Authorities of stations' certificates (PEM): each station must show its own, "
            "e.g. fleet-ca.pem of 'fleet certificates'.",
        ),
    ] = None,
    client_certificates: Annotated[
        ClientCertificates,
        typer.Option(help="Whether stations without one may come by password."),
    ] = ClientCertificates.REQUIRED,
    operator: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The organisation that certificates must name."),
    ] = None,
    contract_roots: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Roots, authorities and revocation lists (PEM) by which contract certificates are "
            "verified; without it they are not examined.",
        ),
    ] = None,
    exi_response: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A canned answer to every Get15118EVCertificate."),
    ] = None,
    service_time: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Answer so late: 20ms, exponential(20ms), lognormal(20ms, 0.5).",
            rich_help_panel=_FAULTS,
        ),
    ] = "",
    drop_answers: _Share = "0",
    close_connections: _Share = "0",
    call_errors: _Share = "0",
    wrong_answers: _Share = "0",
    lose_transactions: _Booked = "0",
    double_transactions: _Booked = "0",
    wrong_energy: _Booked = "0",
    fault_seed: Annotated[
        int,
        typer.Option(
            help="Which calls and transactions they strike; the same seed, the same ones.",
            rich_help_panel=_FAULTS,
        ),
    ] = 0,
    validate: Annotated[
        bool, typer.Option(help="Check every frame against the schemas of OCPP.")
    ] = True,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast", help="Answer by our own code, not the ocpp package's: ten times as fast."
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            min=1, max=64, help="Processes that share the port, one database and the HTTP API."
        ),
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print what it holds as JSON.")] = False,
) -> None:
    """Run the embedded CSMS by itself, for somebody's station to connect to.

    It speaks OCPP-J 1.6 and 2.0.1 on one port, whichever the station prefers. It is a test target:
    it accepts what it is told, keeps it in memory (and in SQLite on request), sends the
    commands that the HTTP API or a boot script says, and shows what it holds when it ends. It is no
    back-end to run a network with.

    Stations connect to ws://HOST:PORT/<station id>, with --tls-cert to wss://. Ctrl-C ends it.

    Example: chargeswarm csms --http 9001 --on-boot usual-questions
    """
    from simulator.csms import CsmsOptions, Faults, serve

    faults = Faults(
        seed=fault_seed,
        service_time=service_time,
        drop_answers=_share(drop_answers, "--drop-answers"),
        close_connections=_share(close_connections, "--close-connections"),
        call_errors=_share(call_errors, "--call-errors"),
        wrong_answers=_share(wrong_answers, "--wrong-answers"),
        lose_transactions=_share(lose_transactions, "--lose-transactions"),
        double_transactions=_share(double_transactions, "--double-transactions"),
        wrong_energy=_share(wrong_energy, "--wrong-energy"),
    )
    raise typer.Exit(
        serve(
            CsmsOptions(
                host=host,
                port=port,
                stations=stations,
                tokens=tokens,
                boot_status=boot_status.value,
                heartbeat_interval_s=heartbeat_interval,
                sqlite=sqlite,
                http=http,
                http_host=http_host,
                on_boot=on_boot,
                ca=ca,
                certificate_lifetime_s=_lifetime(certificate_lifetime),
                operator=operator,
                contract_roots=contract_roots,
                exi_response=exi_response,
                faults=faults,
                validate=validate,
                fast=fast,
                workers=workers,
                tls_cert=tls_cert,
                tls_key=tls_key,
                client_ca=client_ca,
                client_certificates=client_certificates.value,
                json=as_json,
            )
        )
    )


def _share(text: str, option: str) -> float:
    from simulator.csms.options import read_ratio

    return _quantity(text, option, read_ratio)


def _lifetime(text: str) -> float:
    from simulator.csms.options import read_lifetime

    return _quantity(text, "--certificate-lifetime", read_lifetime)


def _quantity(text: str, option: str, reader: Callable[[str], float]) -> float:
    from simulator.scenario.problems import FieldError, InputError, Problem, shown

    try:
        return reader(text)
    except FieldError as error:
        raise InputError([Problem("csms", option, shown(text), error.expected)]) from None


def command(
    station: Annotated[str, typer.Argument(help="The station's identity.")],
    action: Annotated[str, typer.Argument(help="The command, such as Reset or GetBaseReport.")],
    payload: Annotated[
        str, typer.Argument(metavar="[JSON]", help="Its payload; - reads it from standard input.")
    ] = "{}",
    csms: Annotated[
        str, typer.Option(metavar="URL", help="The HTTP API of the embedded CSMS.")
    ] = "http://127.0.0.1:9001",
    timeout: Annotated[
        float,
        typer.Option(min=0.001, max=600, metavar="SECONDS", help="The station's time to answer."),
    ] = 30.0,
) -> None:
    """Have the embedded CSMS send a command to a station, and print the answer as JSON.

    Exit code 0: the station answered. 1: the command is wrong, or answered with CALLERROR or
    nonsense. 4: the CSMS or the station was not reached, or did not answer in time.

    Example: chargeswarm command CP1 Reset '{"type": "Soft"}'
    """
    from simulator.csms.client import command as send

    text = sys.stdin.read() if payload == "-" else payload
    code, answer = send(csms, station, action, text, timeout)
    print(json.dumps(answer, indent=2))
    raise typer.Exit(code)
