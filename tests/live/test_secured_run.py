"""Whole live runs over TLS: with passwords, with certificates, and against whom nobody trusts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import cli
from simulator.csms import CsmsOptions
from simulator.csms.process import EmbeddedCsms
from simulator.fleet import certificates as papers
from simulator.live import readiness
from simulator.live.calibrated import Calibration
from simulator.live.ceiling import Ceiling
from simulator.live.errors import LiveError, RefusedError, TargetUnreachableError
from simulator.live.run import run_live
from simulator.scenario import load_scenario
from simulator.store import read_run

pytestmark = [pytest.mark.process, pytest.mark.socket]

HOST = "127.0.0.1"
SCENARIO = """
[scenario]
name = "small"
seed = 7
start = 2026-06-01T00:00:00

[[sites]]
name = "yard"
stations = [{{ model = "ac-22-dual", count = 3 }}]
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"

[csms]
{csms}
versions = {{ "1.6" = 0.5, "2.0.1" = 0.5 }}

[live]
speed = 600
from = "17:00"
connect_timeout = "5s"
stages = [{{ kind = "ramp", for = "200ms", to = "100 %" }}, {{ kind = "hold", for = "2s" }}]
"""


def scenario(tmp_path: Path, csms: str) -> Any:
    file = tmp_path / "small.toml"
    file.write_text(SCENARIO.format(csms=csms))
    return load_scenario(file)


def run(tmp_path: Path, csms: str) -> Any:
    path = run_live(scenario(tmp_path, csms), out=tmp_path / "run", screen="none")
    return read_run(path).summary


@pytest.mark.parametrize("profile", [2, 3])
def test_on_the_embedded_csms_everything_is_made_for_the_run(tmp_path: Path, profile: int) -> None:
    summary = run(tmp_path, f"security_profile = {profile}\ntls = {{ resumption = true }}")
    assert summary["stations"] == {"asked": 3, "connected": 3, "booted": 3}
    assert summary["errors"] == {} and summary["prediction"]["exact"]
    steps = summary["connect_ms"]
    assert [steps[step]["n"] for step in ("tcp", "tls", "upgrade", "boot")] == [3, 3, 3, 3]
    assert summary["csms"]["handshakes_refused"] == {}
    kept = {path.suffix for path in (tmp_path / "run").rglob("*")}
    assert not kept & {".pem", ".key"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``chargeswarm fleet certificates`` writes."""
    place = tmp_path_factory.mktemp("own")
    file = place / "small.toml"
    file.write_text(SCENARIO.format(csms='security_profile = 3\noperator = "Us"'))
    line = ["fleet", "certificates", str(file), "--out", str(place / "own")]
    assert cli.run([*line, "--csms-host", HOST]) == 0
    return place / "own"


@pytest.fixture(scope="module")
def csms(folder: Path) -> Iterator[str]:
    """``chargeswarm csms`` with them."""
    options = CsmsOptions(
        port=0,
        tls_cert=folder / "csms.pem",
        tls_key=folder / "csms.key",
        client_ca=folder / "fleet-ca.pem",
        operator="Us",
    )
    with EmbeddedCsms(options) as process:
        yield process.url


def target(url: str, folder: Path, more: str = "") -> str:
    return f'url = "{url}/ocpp"\nsecurity_profile = 3\nclient_certificates = "{folder}"\n{more}'


def test_a_folder_of_certificates_and_a_pinned_authority(
    tmp_path: Path, folder: Path, csms: str
) -> None:
    summary = run(tmp_path, target(csms, folder, f'ca = "{folder}/fleet-ca.pem"'))
    assert summary["stations"] == {"asked": 3, "connected": 3, "booted": 3}
    assert summary["errors"] == {} and summary["prediction"]["exact"]
    assert summary["connect_ms"]["tls"]["n"] == 3


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", r"tls_verify: (unknown_ca|self_signed).*csms\.ca says whom to trust"),
        ("ca", r"tls_verify: unknown_ca"),
        ("hostname", r"tls_verify: hostname"),
    ],
)
def test_whom_nobody_trusts_is_not_reached(
    tmp_path: Path, folder: Path, csms: str, more: str, words: str
) -> None:
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(papers.authority("Stranger", "Somebody").pem)
    text = target(csms, folder, {"": "", "ca": f'ca = "{stranger}"'}.get(more, ""))
    if more == "hostname":
        text = target(csms.replace(HOST, "localhost"), folder, f'ca = "{folder}/fleet-ca.pem"')
    with pytest.raises(TargetUnreachableError, match=words) as caught:
        run(tmp_path, text)
    assert caught.value.exit_code == 4
    assert not (tmp_path / "run").exists()


def test_an_expired_certificate_of_the_csms_is_named(tmp_path: Path) -> None:
    ca = papers.authority("Fleet", "Us")
    late: Any = -1 / 96  # a quarter of an hour ago
    paper = papers.server_paper(ca, [HOST], days=late)
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    (tmp_path / "csms.pem").write_bytes(paper.pem)
    (tmp_path / "csms.key").write_bytes(paper.key_pem)
    (tmp_path / "csms.key").chmod(0o600)
    options = CsmsOptions(port=0, tls_cert=tmp_path / "csms.pem", tls_key=tmp_path / "csms.key")
    with EmbeddedCsms(options) as late, pytest.raises(TargetUnreachableError) as caught:
        own = f'url = "{late.url}"\nsecurity_profile = 2\nca = "{tmp_path}/ca.pem"'
        run(tmp_path, f'{own}\npassword = {{ env = "HOME" }}')
    assert "tls_verify: expired (certificate has expired)" in str(caught.value)
    assert caught.value.exit_code == 4 and not (tmp_path / "run").exists()


def test_the_look_before_a_run_goes_over_tls_too(
    tmp_path: Path, folder: Path, csms: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Calibration(Ceiling(500, 1e3, 2e4, 2e4, 2e4, ()), "2026-01-01 10:00 UTC", 0.1)
    monkeypatch.setattr(readiness, "remembered", lambda _profile: known)
    found = {}
    for more in (f'ca = "{folder}/fleet-ca.pem"', ""):
        there = scenario(tmp_path, target(csms, folder, more))
        checks = readiness.run_preflight(there, stations=None, duration_s=None).checks
        found = {check.name: check for check in checks}
        told = found["target 1.6"].text
        assert ("TLS " in told and found["target 1.6"].ok) == bool(more), told
    assert "tls_verify: unknown_ca" in found["target 1.6"].text
    assert found["target 1.6"].exit_code == 4


def test_a_certificate_that_the_csms_does_not_know_is_unreachable(
    tmp_path: Path, folder: Path, csms: str
) -> None:
    holders = [papers.Holder(f"CSW-yard-000{n}", f"CSW-yard-000{n}") for n in (1, 2, 3)]
    papers.write(tmp_path / "others", holders, "Us")
    with pytest.raises(TargetUnreachableError, match=r"tls_(alert|closed)") as caught:
        run(tmp_path, target(csms, tmp_path / "others", f'ca = "{folder}/fleet-ca.pem"'))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("url", "words"),
    [("ws", "http_malformed|tcp_reset"), ("wss", r"tls_(malformed|closed): ")],
)
def test_tls_and_no_tls_do_not_meet(
    tmp_path: Path, folder: Path, csms: str, url: str, words: str
) -> None:
    port = csms.rpartition(":")[2]
    with pytest.raises(TargetUnreachableError, match=words) as caught:
        if url == "ws":
            run(tmp_path, f'url = "ws://{HOST}:{port}/"')
        else:
            with EmbeddedCsms(CsmsOptions(port=0)) as plain:
                there = plain.url.replace("ws:", "wss:")
                run(tmp_path, f'url = "{there}"\nsecurity_profile = 2')
    assert caught.value.exit_code == 4


def test_what_is_wrong_with_a_folder_or_an_authority_is_refused_before_anything(
    tmp_path: Path, folder: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "text.pem").write_text("no certificate")
    cases = [
        (
            target("wss://127.0.0.1:1", empty),
            r"csms\.client_certificates: .*CSW-yard-0001\.pem: missing",
        ),
        (target("wss://127.0.0.1:1", folder, f'ca = "{tmp_path}/text.pem"'), r"csms\.ca: .*in PEM"),
        (
            f'security_profile = 3\nclient_certificates = "{empty}"',
            r"csms\.client_certificates: .*missing",
        ),
    ]
    for text, words in cases:
        with pytest.raises(RefusedError, match=words) as caught:
            run(tmp_path, text)
        assert caught.value.exit_code == 1


def test_another_target_by_the_api_must_agree_about_tls(tmp_path: Path) -> None:
    plain = scenario(tmp_path, "security_profile = 2").replace(csms_url="ws://127.0.0.1:1/")
    with pytest.raises(LiveError, match="needs TLS"):
        run_live(plain, out=tmp_path / "run", screen="none")
    secure = scenario(tmp_path, "").replace(csms_url="wss://127.0.0.1:1/")
    with pytest.raises(LiveError, match="has no TLS"):
        run_live(secure, out=tmp_path / "run", screen="none")
