"""One command to a station through the HTTP API of an embedded CSMS: the end of a command line.

Plain blocking calls of the standard library. Called by ``chargeswarm command``.
"""

from __future__ import annotations

import http.client
import json
from typing import Any, Final
from urllib.parse import quote, urlsplit

from simulator.scenario.problems import InputError, Problem, shown

EXIT_ANSWERED: Final = 0
EXIT_WRONG: Final = 1
EXIT_NOT_REACHED: Final = 4
_SLACK_S: Final = 10.0
"""Beyond the station's time: the CSMS answers for it."""


class ApiUnreachableError(Exception):
    """Nobody answers at the address of the HTTP API."""

    exit_code = EXIT_NOT_REACHED


def command(
    url: str, station: str, action: str, payload: str, timeout_s: float
) -> tuple[int, dict[str, Any]]:
    """Send a command; returns the exit code and what the API answered.

    The code is 0 if the station answered, 1 if the command was wrong or answered with CALLERROR or
    nonsense, 4 if the station is not connected or did not answer in time. Raises InputError for a
    payload that is no JSON object or an address that is none, ApiUnreachableError.
    """
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        expected = 'a JSON object in quotes, such as \'{"type": "Soft"}\''
        raise InputError([Problem("command", "PAYLOAD", shown(payload, "payload"), expected)])
    target = f"/stations/{quote(station, safe='')}/commands"
    body = {"action": action, "payload": said, "timeout_s": timeout_s}
    status, answer = _post(url, target, body, timeout_s + _SLACK_S)
    if status == 200:
        return EXIT_ANSWERED, answer
    return (EXIT_NOT_REACHED if status in (409, 504) else EXIT_WRONG), answer


def _post(url: str, target: str, body: Any, timeout_s: float) -> tuple[int, dict[str, Any]]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme != "http":
        expected = "the address that chargeswarm csms --http prints, such as http://127.0.0.1:9001"
        raise InputError([Problem("command", "--csms", shown(url), expected)])
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", parts.path.rstrip("/") + target, json.dumps(body), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = str(error) or type(error).__name__
        text = f"no answer from the CSMS's HTTP API at {url}: {why}; is chargeswarm csms --http up?"
        raise ApiUnreachableError(text) from None
    finally:
        connection.close()
    return response.status, answer
