"""What a scenario may say of TLS and certificates, and what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.scenario import ScenarioError, load_scenario

SCENARIO = """
[scenario]
name = "small"
start = 2026-06-01T00:00:00

[[sites]]
name = "yard"
stations = [{{ model = "ac-22-dual" }}]
arrivals = "public-ac"
visits_per_evse_day = 1.0
vehicles = "europe-2021"

[csms]
{csms}
"""
TLS = 'url = "wss://127.0.0.1:9000/ocpp"\nsecurity_profile = 2\n'
OWN = 'url = "wss://127.0.0.1:9000/ocpp"\nsecurity_profile = 3\nclient_certificates = "own"\n'


def load(tmp_path: Path, csms: str, **more: Any) -> Any:
    (tmp_path / "ca.pem").write_text("read when a run begins")
    (tmp_path / "own").mkdir(exist_ok=True)
    file = tmp_path / "small.toml"
    file.write_text(SCENARIO.format(csms=csms))
    return load_scenario(file, **more)


@pytest.mark.parametrize(
    "csms",
    [
        "security_profile = 2",
        "security_profile = 3",
        'security_profile = 3\nclient_certificates = "own"\noperator = "Us"',
        TLS,
        TLS + 'ca = "ca.pem"\noperator = "Us"\ntls = { min = "1.3", resumption = true }',
        TLS + 'password = { env = "X" }',
        OWN,
        OWN + 'ca = "ca.pem"\ntls = { max = "1.2" }',
    ],
)
def test_what_fits_together_is_read_and_read_again(tmp_path: Path, csms: str) -> None:
    read = load(tmp_path, csms).file.csms
    assert f"security_profile = {read.security_profile}" in csms
    tls = read.tls
    known = {None: None, "min": ("1.3", "1.3", True), "max": ("1.2", "1.2", False)}
    said = next((word for word in ("min", "max") if f"{word} =" in csms), None)
    assert (None if tls is None else (tls.min, tls.max, tls.resumption)) == known[said]
    assert (read.ca is not None, read.client_certificates is not None) == (
        "ca =" in csms,
        "client_certificates =" in csms,
    )


@pytest.mark.parametrize(
    ("csms", "problem"),
    [
        (
            'url = "wss://127.0.0.1/"\nsecurity_profile = 1',
            "csms.security_profile: value 1: expected 2 or 3, with a wss:// address",
        ),
        (
            'url = "ws://127.0.0.1/"\nsecurity_profile = 2',
            "csms.url: value 'ws://127.0.0.1/': expected an address that begins with wss://: "
            "security_profile 2 and 3 use TLS; did you mean 'wss://127.0.0.1/'?",
        ),
        ('ca = "ca.pem"', "csms.ca: value 'ca.pem': expected nothing here: only security_profile"),
        ('operator = "Us"', "csms.operator: value 'Us': expected nothing here: only security_"),
        ('tls = { min = "1.2" }', "csms.tls: expected nothing here: only security_profile = 2 or"),
        (
            'security_profile = 2\nca = "ca.pem"',
            "csms.ca: value 'ca.pem': expected nothing here: the embedded CSMS makes its authority",
        ),
        (
            TLS + 'client_certificates = "own"',
            "csms.client_certificates: value 'own': expected nothing here: only security_profile",
        ),
        (
            'url = "wss://127.0.0.1/"\nsecurity_profile = 3',
            "csms.client_certificates: expected a folder of the stations' certificates",
        ),
        (TLS + 'ca = "gone.pem"', "csms.ca: value 'gone.pem': expected a file that exists"),
        (TLS + 'ca = "own"', "csms.ca: value 'own': expected a file, not a folder"),
        (
            OWN.replace('"own"', '"ca.pem"'),
            "csms.client_certificates: value 'ca.pem': expected a folder",
        ),
        (
            TLS + 'tls = { min = "1.3", max = "1.2" }',
            "csms.tls.min: value '1.3': expected no newer version than tls.max (1.2)",
        ),
        (
            TLS + 'tls = { min = "1.1" }',
            "csms.tls.min: value '1.1': expected a version of TLS: 1.2 or 1.3",
        ),
        (OWN + 'password = { env = "X" }', "csms.password: value {...}: expected nothing here"),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path: Path, csms: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, csms)
    assert problem in str(caught.value)


def test_another_target_on_the_command_line_must_fit_too(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="begins with wss://"):
        load(tmp_path, "security_profile = 2", csms_url="ws://127.0.0.1:9000/")
