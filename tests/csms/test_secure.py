"""The CSMS's door with TLS: who gets in by which certificate or password."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem
from simulator.csms.door import Registers, refuse_shown
from simulator.csms.secure import (
    Shown,
    TlsFilesError,
    offered_password,
    server_context,
    took_password,
)
from simulator.csms.service import serve
from simulator.fleet import certificates as papers

HOST = "127.0.0.1"
HEX = "00112233445566778899aabbccddeeff"


def who(*names: str, organisation: str = "Operator") -> Shown:
    return Shown(frozenset(names), frozenset({organisation}))


@pytest.mark.parametrize(
    ("station", "names", "operator", "reason"),
    [
        ("CP1", ("CP1",), None, None),
        ("CP1", ("SN-1",), "Operator", None),
        ("CP1", ("SN-2",), None, "certificate of another station"),
        ("CP2", ("SN-1",), None, "certificate of another station"),
        ("CP1", ("CP1",), "Somebody", "certificate of another operator"),
        ("CP9", ("CP9",), None, "unknown station"),
        ("", ("CP1",), None, "no station in the path"),
        ("CP1", (), None, "certificate of another station"),
    ],
)
def test_a00_fr_404_405_a_certificate_is_the_stations_and_the_operators(
    station: str, names: tuple[str, ...], operator: str | None, reason: str | None
) -> None:
    registers = Registers({"CP1": None, "CP2": None}, serials={"CP1": "SN-1", "CP2": ""})
    refusal = refuse_shown(station, who(*names), registers, operator)
    assert (None if refusal is None else refusal.reason) == reason


def test_without_an_inventory_the_identity_alone_is_the_name() -> None:
    assert refuse_shown("CP1", who("CP1"), Registers(), None) is None
    assert refuse_shown("CP1", who("CP2"), Registers(), None) is not None


def variable(name: str, component: str = "SecurityCtrlr", **more: Any) -> dict[str, Any]:
    return {"component": {"name": component}, "variable": {"name": name}, **more}


def test_the_password_of_a_command_is_found() -> None:
    change = {"key": "authorizationkey", "value": HEX}
    assert offered_password("ChangeConfiguration", change) == bytes.fromhex(HEX)
    rows = [variable("X", attributeValue="1"), variable("BasicAuthPassword", attributeValue="new")]
    assert offered_password("SetVariables", {"setVariableData": rows}) == b"new"
    assert took_password("ChangeConfiguration", {"status": "Accepted"})
    assert not took_password("ChangeConfiguration", {"status": "Rejected"})
    for status in ("Accepted", "Rejected"):
        result = variable("BasicAuthPassword", attributeStatus=status)
        answer = {"setVariableResult": [result]}
        assert took_password("SetVariables", answer) is (status == "Accepted")


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Reset", {"type": "Hard"}),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "00"}),
        ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "no hex"}),
        ("ChangeConfiguration", {}),
        ("SetVariables", {"setVariableData": [variable("X", attributeValue="1")]}),
        ("SetVariables", {"setVariableData": [{}, 1, {"component": None}]}),
        ("SetVariables", {"setVariableData": 7}),
    ],
)
def test_other_commands_set_no_password(action: str, payload: Any) -> None:
    assert offered_password(action, payload) is None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers")
    holders = [papers.Holder("CP1", "CP1"), papers.Holder("CP2", "CP2")]
    papers.write(folder, holders, "Operator", hosts=(HOST,))
    (folder / "stations.csv").write_text(
        "id,version,vendor,model,serial,connectors,password\n"
        "CP1,1.6,v,m,CP1,1,the password of one\nCP2,1.6,v,m,CP2,1,the password of two\n"
    )
    (folder / "stations.csv").chmod(0o600)
    return folder


def options(made: Path, **more: Any) -> CsmsOptions:
    known: dict[str, Any] = {
        "host": HOST,
        "port": 0,
        "tls_cert": made / "csms.pem",
        "tls_key": made / "csms.key",
        **more,
    }
    return CsmsOptions(**known)


def ours(made: Path, station: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=made / "fleet-ca.pem")
    if station:
        context.load_cert_chain(made / f"{station}.pem", made / f"{station}.key")
    return context


def basic(user: str, password: bytes) -> dict[str, str]:
    pair = base64.b64encode(user.encode() + b":" + password).decode()
    return {"Authorization": f"Basic {pair}"}


async def status(url: str, station: str, context: ssl.SSLContext, password: bytes = b"") -> Any:
    """The HTTP status of an upgrade; 0: TLS did not let it come to that."""
    headers = basic(station, password) if password else {}
    protocols: Any = ["ocpp1.6"]
    try:
        async with connect(
            f"{url}/{station}", ssl=context, additional_headers=headers, subprotocols=protocols
        ):
            return 101
    except InvalidStatus as error:
        return error.response.status_code
    except (OSError, EOFError) as error:
        assert not isinstance(error, ssl.SSLCertVerificationError)
        return 0
    except Exception as error:  # the library has its own for a connection that is simply closed
        assert "did not receive" in str(error)
        return 0


@pytest.mark.socket
def test_profile_2_is_tls_with_a_password(run: Any, made: Path) -> None:
    async def scene() -> None:
        async with CentralSystem(options(made, stations=made / "stations.csv")) as csms:
            assert csms.url.startswith("wss://")
            word = b"the password of one"
            assert await status(csms.url, "CP1", ours(made), word) == 101
            assert await status(csms.url, "CP1", ours(made), b"another") == 401
            assert await status(csms.url, "CP1", ours(made)) == 401

    run(scene())


@pytest.mark.socket
def test_profile_3_is_a_certificate_of_ones_own(run: Any, made: Path) -> None:
    async def scene() -> None:
        more = {"client_ca": made / "fleet-ca.pem", "operator": "Operator"}
        async with CentralSystem(options(made, stations=made / "stations.csv", **more)) as csms:
            assert await status(csms.url, "CP1", ours(made, "CP1")) == 101
            assert await status(csms.url, "CP2", ours(made, "CP1")) == 401
            assert await status(csms.url, "CP9", ours(made, "CP1")) == 404
            assert await status(csms.url, "CP1", ours(made), b"the password of one") == 0
        assert csms.holdings.refused == {
            "certificate of another station": 1,
            "unknown station": 1,
        }

    run(scene())


@pytest.mark.socket
def test_a05_fr_07_who_has_come_by_certificate_comes_by_no_password_again(
    run: Any, made: Path
) -> None:
    async def scene() -> None:
        more = {"client_ca": made / "fleet-ca.pem", "client_certificates": "optional"}
        async with CentralSystem(options(made, stations=made / "stations.csv", **more)) as csms:
            words = {"CP1": b"the password of one", "CP2": b"the password of two"}
            assert await status(csms.url, "CP1", ours(made), words["CP1"]) == 101
            assert await status(csms.url, "CP1", ours(made, "CP1")) == 101
            assert await status(csms.url, "CP1", ours(made), words["CP1"]) == 401
            assert await status(csms.url, "CP2", ours(made), words["CP2"]) == 101
        assert csms.holdings.refused == {"less secure than before": 1}

    run(scene())


@pytest.mark.socket
@pytest.mark.parametrize("answer", ["Accepted", "Rejected", None])
def test_a_password_that_a_station_takes_is_asked_for_from_then_on(
    run: Any, made: Path, obedient: Any, answer: str | None
) -> None:
    """None: it is gone before it answers, so that either may be right."""

    async def scene() -> None:
        registers = Registers({"CP1": None})
        async with CentralSystem(CsmsOptions(host=HOST, port=0), registers) as csms:
            async with obedient(csms.url, "CP1") as station:
                if answer is None:
                    station.answers["ChangeConfiguration"] = lambda frame: None
                else:
                    station.answers["ChangeConfiguration"] = {"status": answer}
                payload = {"key": "AuthorizationKey", "value": HEX}
                task = asyncio.ensure_future(csms.command("CP1", "ChangeConfiguration", payload))
                await station.next_command()
                if answer is None:
                    await station.socket.close()
                await task
            registers.passwords["CP1"] = registers.passwords["CP1"] or "the old one"

            async def comes(word: bytes) -> Any:
                plain: Any = None
                return await status(csms.url, "CP1", plain, word)

            new = bytes.fromhex(HEX)
            expected = {
                "Accepted": [401, 101, 401],
                "Rejected": [101, 401, 101],
                None: [101, 101, 401],
            }
            tried = [await comes(word) for word in (b"the old one", new, b"the old one")]
            assert tried == expected[answer]

    run(scene())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tls_cert": None}, "--tls-key: nothing without --tls-cert"),
        ({"tls_cert": "gone.pem"}, "gone.pem.*No such file"),
        ({"tls_key": "stations.csv"}, "stations.csv: expected a certificate and its key"),
        ({"tls_key": "CP1.key"}, "CP1.key: expected a certificate and its key.*mismatch"),
        ({"client_ca": "gone.pem"}, "--client-ca.*gone.pem: No such file"),
        ({"client_ca": "csms.key"}, "--client-ca.*csms.key: expected"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    made: Path, capfd: Any, changes: dict[str, Any], words: str
) -> None:
    given = {name: None if value is None else made / value for name, value in changes.items()}
    wanted = options(made, **given)
    with pytest.raises(TlsFilesError, match=words):
        server_context(wanted)
    assert serve(wanted) == 1
    assert str(capfd.readouterr().err).strip()


def test_without_options_there_is_no_tls() -> None:
    assert server_context(CsmsOptions()) is None
