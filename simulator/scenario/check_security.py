"""How stations and CSMS trust each other: the address, the profile and the certificates together.

The files themselves are looked for by the loader and read by a live run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.scenario.problems import Problem

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables

_PROFILE = ("csms", "security_profile")


def check_security(tables: Tables) -> Iterator[Problem]:
    """Every problem between the fields of ``csms`` that are about TLS."""
    if tables.wrong(_PROFILE):
        return
    profile = tables.get(*_PROFILE) or 0
    url = "embedded" if tables.get("csms", "url") is None else tables.get("csms", "url")
    if isinstance(url, str) and not tables.wrong(("csms", "url")):
        yield from _address(tables, url, profile)
        yield from _certificates(tables, url, profile)
    for field in ("ca", "operator", "tls"):
        if tables.has("csms", field) and profile < 2:
            expected = "nothing here: only security_profile = 2 or 3 uses TLS"
            yield tables.problem(("csms", field), expected, show=field != "tls")
    oldest, newest = tables.get("csms", "tls", "min"), tables.get("csms", "tls", "max")
    if (oldest, newest) == ("1.3", "1.2"):
        yield tables.problem(("csms", "tls", "min"), "no newer version than tls.max (1.2)", "1.2")


def _address(tables: Tables, url: str, profile: int) -> Iterator[Problem]:
    """The scheme says whether there is TLS, and the profile says it too."""
    if url.startswith("wss://") and profile < 2:
        expected = "2 or 3, with a wss:// address (password or certificate over TLS)"
        yield tables.problem(_PROFILE, expected)
    elif url.startswith("ws://") and profile >= 2:
        expected = "an address that begins with wss://: security_profile 2 and 3 use TLS"
        yield tables.problem(("csms", "url"), expected, url.replace("ws://", "wss://", 1))


def _certificates(tables: Tables, url: str, profile: int) -> Iterator[Problem]:
    if url == "embedded" and tables.has("csms", "ca") and profile >= 2:
        expected = "nothing here: the embedded CSMS makes its authority for each run"
        yield tables.problem(("csms", "ca"), expected)
    given = tables.has("csms", "client_certificates")
    if given and profile != 3:
        expected = "nothing here: only security_profile = 3 shows certificates of stations"
        yield tables.problem(("csms", "client_certificates"), expected)
    elif profile == 3 and url != "embedded" and not given:
        expected = "a folder of the stations' certificates (chargeswarm fleet certificates)"
        yield tables.problem(("csms", "client_certificates"), expected)
