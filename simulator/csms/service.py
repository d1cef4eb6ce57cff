"""The embedded CSMS as a process: options from the command line, signals, what it prints.

Standard output carries one JSON line when it listens (``{"listening": "ws://..."}``, with ``http``
the address of the HTTP API where one was asked for) and, with
``--json``, one when it ends; everything for people goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from simulator.csms.central import CentralSystem
from simulator.csms.holdings import Holdings
from simulator.csms.journal import JournalError
from simulator.csms.limits import raise_fd_limit
from simulator.csms.options import FAULTS, CsmsOptions, Faults, read_lifetime, read_ratio
from simulator.csms.process import WorkersError
from simulator.csms.secure import TlsFilesError
from simulator.scenario import ScenarioError
from simulator.scenario.problems import FieldError

ABOUT = """\
The embedded CSMS: a test target that speaks OCPP-J 1.6 and 2.0.1. It accepts stations, authorises
tokens, holds what it is told and sends the commands that it is given, so that a network has
something to run against. It is not a CSMS to operate stations with: nothing is billed, nobody logs
in, and without --sqlite everything is forgotten at the end."""

MOST_WORKERS = 64
EXIT_OK = 0
EXIT_USAGE = 1
EXIT_CANNOT_LISTEN = 4


class ListenError(Exception):
    """One of the ports cannot be listened on."""

    def __init__(self, host: str, port: int, option: str, error: OSError) -> None:
        why = str(error.strerror or error)
        if error.errno == errno.EADDRINUSE:
            why = f"somebody else listens there; choose another {option} (0: any free one)"
        super().__init__(f"cannot listen on {host}:{port}: {why}")


def serve(options: CsmsOptions) -> int:
    """Run the CSMS until SIGTERM, SIGINT or (if asked) the end of standard input.

    Returns the exit code: 0, 1 for a file that cannot be used, 4 if it cannot listen.
    """
    raise_fd_limit()
    try:
        if options.workers > 1 and options.worker is None:
            from simulator.csms import workers

            return _end(options, *workers.run(options))
        csms = CentralSystem(options)
        _run(_serve(csms))
        if options.held is not None:
            from simulator.csms.workers import write_held

            write_held(csms.holdings, options.held)
            print(json.dumps({"held": str(options.held), "faults": dict(csms.mischief.done)}))
            return EXIT_OK
        return _end(options, csms.holdings, csms.mischief.done)
    except (ScenarioError, JournalError, TlsFilesError, WorkersError) as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except ListenError as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_LISTEN
    except OSError as error:
        print(ListenError(options.host, options.port, "--port", error), file=sys.stderr)
        return EXIT_CANNOT_LISTEN


def main(argv: Sequence[str] | None = None) -> int:
    """Entry of ``python -m simulator.csms``."""
    return serve(parse(argv))


class _Parser(argparse.ArgumentParser):
    """Ends the process with the exit code that this program has for a usage error."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def parse(argv: Sequence[str] | None) -> CsmsOptions:
    """Return the options of a command line; ``argparse`` ends the process on a mistake."""
    default = CsmsOptions()
    parser = _Parser(
        prog="python -m simulator.csms",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default=default.host, help="address to listen on (default: %(default)s)")
    add("--port", type=_port, default=default.port, help="0: any free one (default: %(default)s)")
    add("--stations", type=Path, help="CSV of known stations: others get 404, bad passwords 401")
    add("--tokens", type=Path, help="CSV of known tokens: others are Invalid")
    add(
        "--boot-status",
        choices=("accepted", "pending", "rejected"),
        default=default.boot_status,
        help="answer to BootNotification (default: %(default)s)",
    )
    add(
        "--heartbeat-interval",
        dest="heartbeat_interval_s",
        type=_seconds,
        default=default.heartbeat_interval_s,
        metavar="SECONDS",
        help="interval in that answer (default: %(default)s)",
    )
    add("--sqlite", type=Path, metavar="FILE", help="write to this database; continue an old one")
    add("--http", type=_port, metavar="PORT", help="open the HTTP API there; 0: any free port")
    add(
        "--http-host",
        default=default.http_host,
        metavar="HOST",
        help="address of the HTTP API, which has no users (default: %(default)s)",
    )
    add("--on-boot", type=Path, metavar="FILE", help="TOML: commands to send after each boot")
    add(
        "--no-validate",
        dest="validate",
        action="store_false",
        help="do not check messages against the JSON schemas: about half the CPU",
    )
    add(
        "--fast",
        action="store_true",
        help="answer by our own code, not by the ocpp package's: same answers, for being hammered",
    )
    add(
        "--workers",
        type=_count,
        default=default.workers,
        metavar="N",
        help="processes that share the port (default: %(default)s); one holds about 19 000 stations"
        " where 20 000 files may be open",
    )
    add("--worker", type=int, help=argparse.SUPPRESS)
    add("--held", type=Path, help=argparse.SUPPRESS)
    _add_tls(add)
    _add_certificates(add)
    _add_faults(add)
    add("--json", action="store_true", help="at the end, one JSON object on standard output")
    add(
        "--until-stdin-closes",
        action="store_true",
        help="end when standard input closes; ignore SIGINT (for a process that starts this one)",
    )
    said = vars(parser.parse_args(argv))
    faults = Faults(**{name: said.pop(f"faults_{name}") for name in FAULTS})
    return CsmsOptions(**said, faults=faults)


def _add_tls(add: Callable[..., Any]) -> None:
    add("--tls-cert", type=Path, metavar="FILE", help="listen with TLS: the certificate (PEM)")
    add("--tls-key", type=Path, metavar="FILE", help="its private key, if not in the same file")
    add(
        "--client-ca",
        type=Path,
        metavar="FILE",
        help="authorities of stations' certificates (PEM): each station shows its own",
    )
    add(
        "--client-certificates",
        choices=("required", "optional"),
        default=CsmsOptions().client_certificates,
        help="whether stations without a certificate may come by password (default: %(default)s)",
    )


def _add_certificates(add: Callable[..., Any]) -> None:
    default = CsmsOptions()
    add("--ca", type=Path, metavar="FOLDER", help="certificate authority; made if not there")
    add(
        "--certificate-lifetime",
        dest="certificate_lifetime_s",
        type=_quantity(read_lifetime),
        default=default.certificate_lifetime_s,
        metavar="TIME",
        help="of the certificates that it issues to stations (default: 365d)",
    )
    add("--operator", metavar="NAME", help="the organisation that certificates must name")
    add("--contract-roots", type=Path, metavar="FOLDER", help="what contracts are verified by")
    add("--exi-response", type=Path, metavar="FILE", help="canned answer to Get15118EVCertificate")


def _add_faults(add: Callable[..., Any]) -> None:
    """Add an option for every fault."""
    for name, (flag, about) in FAULTS.items():
        kind = {"seed": int, "service_time": str}.get(name, _quantity(read_ratio))
        value = getattr(Faults(), name)
        add(flag, dest=f"faults_{name}", type=kind, default=value, metavar=name.upper(), help=about)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a port, 0 to 65535")
    return int(text)


def _quantity(reader: Callable[[str], float]) -> Callable[[str], float]:
    """Return a reader whose mistakes ``argparse`` understands."""

    def read(text: str) -> float:
        try:
            return reader(text)
        except FieldError as error:
            raise argparse.ArgumentTypeError(f"{text!r}: expected {error.expected}") from None

    return read


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 1 to {MOST_WORKERS}")
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected whole seconds, 1 or more")
    return int(text)


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where there is one."""
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop

    cast("Callable[[Coroutine[Any, Any, None]], None]", uvloop.run)(main)


async def _serve(csms: CentralSystem) -> None:
    """Listen, say so, and wait for the end."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ending.set)
    if csms.options.until_stdin_closes:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        loop.add_reader(sys.stdin.fileno(), _watch_stdin, loop, ending)
    else:
        loop.add_signal_handler(signal.SIGINT, ending.set)
    options = csms.options
    async with csms:
        said = {"listening": csms.url}
        web = None
        if options.http is not None:
            from simulator.csms.api import Api  # not paid for by who asks for none
            from simulator.csms.web import WebServer

            web = WebServer(options.http_host, options.http, Api(csms))
            try:
                await web.start()
            except OSError as error:
                raise ListenError(options.http_host, options.http, "--http", error) from error
            said["http"] = web.url
        behind = None
        if options.held is not None:
            from simulator.csms.front import Backstage

            behind = Backstage(csms, options.held.with_suffix(".sock"))
            await behind.start()
        print(json.dumps(said), flush=True)
        try:
            await ending.wait()
        finally:
            if behind is not None:
                await behind.stop()
            if web is not None:
                await web.stop()


def _watch_stdin(loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
    """Read what comes on standard input away; set ``ending`` at its end."""
    stdin = sys.stdin.fileno()
    if not os.read(stdin, 4096):
        loop.remove_reader(stdin)
        ending.set()


def _end(options: CsmsOptions, holdings: Holdings, faults: Mapping[str, int]) -> int:
    """Print what the CSMS holds."""
    summary = {**holdings.summary(), "faults": dict(faults)}
    if options.json:
        print(json.dumps(summary), flush=True)
    else:
        print(table(summary), file=sys.stderr)
    return EXIT_OK


def table(summary: dict[str, Any]) -> str:
    """Return a summary as lines for people, without the rows that are empty."""
    transactions = summary["transactions"]
    rows: list[tuple[str, object]] = [
        ("stations", f"{summary['stations']} ({summary['connected']} connected at the end)"),
        ("connections", summary["connects"]),
        ("boots", summary["boots"]),
        ("transactions started", transactions["started"]),
        ("transactions stopped", transactions["stopped"]),
        ("transactions open", transactions["open"]),
        ("energy", f"{summary['energy_kwh']:.3f} kWh"),
    ]
    rows += [(action, count) for action, count in summary["messages"].items()]
    rows += [
        (f"command {action}", ", ".join(f"{count} {result}" for result, count in results.items()))
        for action, results in summary["commands"].items()
    ]
    if reports := summary["reports"]["completed"]:
        rows.append(("reports completed", reports))
    if certificates := summary["certificates"]:
        counts = ", ".join(f"{count} {word}" for word, count in certificates.items())
        rows.append(("certificates", counts))
    for name, count in summary.get("faults", {}).items():
        rows.append((f"fault: {name.replace('_', ' ')}", count))
    for name in ("starts_repeated", "stops_repeated", "stops_unknown"):
        if transactions[name]:
            rows.append((name.replace("_", " "), transactions[name]))
    for name, count in summary["transaction_events"].items():
        if count:
            rows.append((f"transaction events {name.replace('_', ' ')}", count))
    for name, title in (("handshakes_refused", "refused"), ("complaints", "not handled")):
        rows += [(f"{title}: {reason}", count) for reason, count in summary[name].items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(["The CSMS holds:", *(f"  {name:<{width}}  {value}" for name, value in rows)])
