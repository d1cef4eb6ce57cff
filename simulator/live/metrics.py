"""Serves a live run's metrics over HTTP while it lasts: ``--metrics :9464``.

The parent has no event loop, so this is a thread of the standard library's server; each request
gets what the last snapshots said. Loopback unless an address is given: the figures name the target.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from simulator.live.errors import RefusedError
from simulator.measure.exposition import CONTENT_TYPE

PATH: Final = "/metrics"
_LOOPBACK: Final = "127.0.0.1"
_EXPECTED: Final = "expected :PORT or ADDRESS:PORT, such as :9464 or 0.0.0.0:9464"


def read_address(text: str) -> tuple[str, int]:
    """(address, port) of ``:9464``, ``9464``, ``0.0.0.0:9464`` or ``[::1]:9464``. RefusedError."""
    host, _, port = text.strip().rpartition(":")
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise RefusedError(f"--metrics {text!r}: {_EXPECTED}")
    return host.removeprefix("[").removesuffix("]") or _LOOPBACK, int(port)


class MetricsServer:
    """Answers ``GET /metrics`` with what ``page()`` gives."""

    def __init__(self, address: str, page: Callable[[], str]) -> None:
        """Listen. Raises RefusedError for an address that is none or is taken."""
        host, port = read_address(address)
        try:
            self._server = _server(host, port, page)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise RefusedError(f"--metrics {address!r}: {why}") from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is scraped."""
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}{PATH}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is nobody's business."""


def _server(host: str, port: int, page: Callable[[], str]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0
        server_version = "chargeswarm"
        sys_version = ""

        def do_GET(self) -> None:
            """The metrics, or nothing."""
            found = self.path.partition("?")[0] == PATH
            body = (page() if found else f"the metrics are at {PATH}\n").encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", CONTENT_TYPE if found else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815  the server's names

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged: the screen belongs to the run."""

    class Server(_Server):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server((host, port), Handler)
