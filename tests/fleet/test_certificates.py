"""Certificates of a fleet: who they are for, how they are kept, and what is said of wrong ones."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulator.fleet.certificates import (
    Holder,
    PaperError,
    file_of,
    problems,
    read_own,
    read_roots,
    write,
)
from simulator.fleet.crew import virtual_stations
from simulator.fleet.inventory import ExportError
from simulator.fleet.keys import X509Keys
from simulator.fleet.liveplan import build_live_plan
from simulator.fleet.setup import Conditions
from simulator.station.truststore import CSMS_ROOT, STATION, roots

STATIONS = [Holder("CSW-a-0001", "SN-1"), Holder("CSW/b ü", "")]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates") / "made"
    write(folder, STATIONS, "Operator", days=30, hosts=("csms.example", "127.0.0.1", "::1"))
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    for path in kept.iterdir():
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        copy.chmod(path.stat().st_mode)
    return tmp_path


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a00_fr_404_405_427_each_station_has_its_own_by_serial_number(kept: Path) -> None:
    made = [certificate(file_of(kept, holder.id)) for holder in STATIONS]
    ca = certificate(kept / "fleet-ca.pem")
    for found, name in zip(made, ("SN-1", "CSW/b ü"), strict=True):
        subject = found.subject
        assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == name
        assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Operator"
        found.verify_directly_issued_by(ca)
        assert (found.not_valid_after_utc - found.not_valid_before_utc).days == 30
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert made[0].public_key() != made[1].public_key()
    assert made[0].serial_number != made[1].serial_number


def test_keys_are_private_and_names_are_file_names(kept: Path) -> None:
    for path in kept.iterdir():
        wanted = 0o600 if path.suffix == ".key" else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == wanted
    assert file_of(kept, "CSW/b ü").name == "CSW%2Fb%20%C3%BC.pem"
    assert sorted(path.stem for path in kept.glob("*.pem")) == sorted(
        ["CSW%2Fb%20%C3%BC", "CSW-a-0001", "csms", "fleet-ca"]
    )


def test_a_csms_gets_one_for_its_names_and_addresses(kept: Path) -> None:
    found = certificate(kept / "csms.pem")
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["csms.example"]
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == ["127.0.0.1", "::1"]


def test_what_is_there_is_kept_and_the_authority_goes_on(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    more = [*STATIONS, Holder("CSW-c", "SN-3")]
    done = write(folder, more, "Operator")
    assert (done.made, done.kept) == (1, 2)
    assert {name: (folder / name).read_bytes() for name in before} == before
    certificate(folder / "CSW-c.pem").verify_directly_issued_by(
        certificate(folder / "fleet-ca.pem")
    )
    done = write(folder, more, "Operator", overwrite=True)
    assert (done.made, done.kept) == (3, 0)
    assert (folder / "CSW-a-0001.pem").read_bytes() != before["CSW-a-0001.pem"]
    assert (folder / "fleet-ca.pem").read_bytes() == before["fleet-ca.pem"]


def test_what_cannot_be_written_is_named(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportError, match="is a file"):
        write(tmp_path / "file", STATIONS, "Operator")
    (folder / "fleet-ca.key").unlink()
    with pytest.raises(ExportError, match=r"fleet-ca\.key: missing"):
        write(folder, STATIONS, "Operator")


def spoil(folder: Path, how: str) -> None:
    pem, key = folder / "CSW-a-0001.pem", folder / "CSW-a-0001.key"
    other = file_of(folder, "CSW/b ü")
    if how in ("missing", "no_key"):
        (pem if how == "missing" else key).unlink()
    elif how == "open":
        key.chmod(0o644)
    elif how == "text":
        pem.write_text("not a certificate")
    elif how == "bad_key":
        key.write_text("not a key")
    elif how == "mismatch":
        key.write_bytes(other.with_suffix(".key").read_bytes())
    else:
        pem.write_bytes(other.read_bytes())
        key.write_bytes(other.with_suffix(".key").read_bytes())


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("missing", "CSW-a-0001.pem: missing"),
        ("no_key", "CSW-a-0001.key: missing"),
        ("open", "CSW-a-0001.key: expected mode 0600 (chmod 600)"),
        ("text", "CSW-a-0001.pem: expected certificates in PEM"),
        ("bad_key", "CSW-a-0001.key: expected an unencrypted private key in PEM"),
        ("mismatch", "CSW-a-0001.key: is not the key of CSW-a-0001.pem"),
        ("another", "CSW-a-0001.pem: is for CSW/b ü; expected SN-1 (its serial number)"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(folder: Path, how: str, words: str) -> None:
    assert problems(folder, STATIONS) == []
    spoil(folder, how)
    assert problems(folder, STATIONS) == [f"{folder}/{words}"]
    if how != "another":
        with pytest.raises(PaperError, match=r"CSW-a-0001\."):
            read_own(folder, "CSW-a-0001", X509Keys(), ())


def test_the_file_of_an_authority_is_read_or_named(folder: Path) -> None:
    (found,) = read_roots(folder / "fleet-ca.pem", X509Keys())
    assert found.authority and found.self_signed
    for name, words in (("gone.pem", "No such file"), ("csms.key", "certificates in PEM")):
        with pytest.raises(PaperError, match=f"{name}: .*{words}"):
            read_roots(folder / name, X509Keys())


def test_stations_are_provisioned_with_roots_and_their_own(kit, scenario, kept: Path) -> None:
    network, engine = kit.made_up([(kit.site("yard", [kit.model()], "local"), [])], 100.0)
    how = {"from_s": 0.0, "speed": 1.0, "run_s": 100.0}
    plan = build_live_plan(scenario, network, engine, connect_due=np.zeros(1), **how)
    plan = replace(plan, ids=("CSW-a-0001",), serials=("SN-1",))
    ca = (kept / "fleet-ca.pem").read_text()
    conditions = Conditions("run", security_profile=3, ca=ca, certificates=kept, operator="Us")
    (one,), _ = virtual_stations(plan, None, 0.0, conditions)  # type: ignore[arg-type]
    station = one.station
    assert [root.certificate.pem for root in roots(station, CSMS_ROOT)] == [ca]
    own = station.certificates.own[STATION]
    assert own.chain[0].common_name == "SN-1" and own.root.common_name == "Operator Fleet CA"
    assert station.conf.organisation == "Us"
    assert station.conf.security_profile == 3
    one.start(0.0)
    (wish,) = one.take_effects()
    assert wish.security_profile == 3 and wish.password is None and wish.roots == (ca,)
    assert wish.certificate == own.pem == (kept / "CSW-a-0001.pem").read_text()
