from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.measure.errors import ErrorKind
from simulator.measure.measurement import merge
from simulator.measure.recorder import Recorder
from simulator.measure.verdict import decide
from simulator.store import RunFolder
from simulator.store.redact import Redactor
from simulator.store.summary import TransactionCounts, live_summary
from simulator.store.tables import Appender

SECRET = "hunter2-Hunter2-hunter2"
WITH_BLANKS = "correct horse / battery"
BASIC = base64.b64encode(f"CSW-a-0001:{SECRET}".encode()).decode()

LOOKS_LIKE_A_SECRET = [
    (f"wss://user:{SECRET}@csms.example/ocpp", "wss://***@csms.example/ocpp"),
    (f"ws://{SECRET}@csms.example", "ws://***@csms.example"),
    (f"Authorization: Basic {BASIC}", "Authorization: Basic ***"),
    (f"('Authorization', 'Basic {BASIC}')", "('Authorization', 'Basic ***')"),
    (f"sent Bearer {BASIC} twice", "sent Bearer *** twice"),
    (f"GET /x?password={SECRET}&a=1", "GET /x?password=***&a=1"),
    (f"GET /x?a=1&token={SECRET}", "GET /x?a=1&token=***"),
    (f"--set csms.password={SECRET} --seed 1", "--set csms.password=*** --seed 1"),
    (f'{{"password": "{SECRET}", "a": 1}}', '{"password": "***", "a": 1}'),
    (
        f'[2,"1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{SECRET}"}}]',
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"***"}]',
    ),
    (
        f'{{"key":"AuthorizationKey","readonly":false,"value":"{SECRET}"}}',
        '{"key":"AuthorizationKey","readonly":false,"value":"***"}',
    ),
    (
        f'{{"value":"{SECRET}","key":"AuthorizationKey"}}',
        '{"value":"***","key":"AuthorizationKey"}',
    ),
    (
        json.dumps({"frame": json.dumps({"key": "AuthorizationKey", "value": SECRET})}),
        json.dumps({"frame": json.dumps({"key": "AuthorizationKey", "value": "***"})}),
    ),
]


@pytest.mark.parametrize(("text", "masked"), LOOKS_LIKE_A_SECRET)
def test_what_looks_like_a_secret_is_masked_without_being_known(text: str, masked: str) -> None:
    assert Redactor().text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "ws://127.0.0.1:9000/ocpp/CSW-ring-road-0042",
        "basic authentication was refused",
        '[2,"1","Authorize",{"idTag":"CSWABCDEFGHIJKLMN"}]',
        '{"key":"HeartbeatInterval","value":"300"}',
        "mailto:somebody@example.org",
        "p95(*.response) < 500 ms",
        "csms.password={env = 'CSMS_PASSWORD'}",
    ],
)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert Redactor([SECRET]).text(text) == text


@pytest.mark.parametrize("secret", [SECRET, WITH_BLANKS, 'quo"te\\d!'])
def test_a_known_secret_is_masked_wherever_and_however_it_travels(secret: str) -> None:
    redactor = Redactor([secret])
    for form in (secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex()):
        assert redactor.text(f"refused: {form}, said the CSMS") == "refused: ***, said the CSMS"


def test_thousands_of_secrets_cost_no_more_than_one() -> None:
    redactor = Redactor(f"password{number:05}" for number in range(20_000))
    redactor.learn(f"~~~{number}???" for number in range(1000))  # with a / in base64
    assert redactor.text("x password12345 y") == "x *** y"
    assert redactor.text("password99999x") == "password99999x"
    assert len(redactor._phrases) == 1000
    assert redactor.text(base64.b64encode(b"~~~7???").decode()) == "***"


def test_fields_with_a_telling_name_lose_their_text_and_references_stay() -> None:
    assert Redactor().value(
        {
            "csms": {"password": {"env": "CSMS_PASSWORD"}, "url": f"ws://a:{SECRET}@b/"},
            "stations": [{"id": "x", "password": SECRET}, {"id": "y", "password": None}],
            "configuration": [{"key": "AuthorizationKey", "value": SECRET}],
            "Authorization": f"Basic {BASIC}",
            "token": "CSWIDTAG",
            "api_key": 12345,
            "errors": {"http_401": 3},
            "verdicts": {"PASS": 3},
        }
    ) == {
        "csms": {"password": {"env": "CSMS_PASSWORD"}, "url": "ws://***@b/"},
        "stations": [{"id": "x", "password": "***"}, {"id": "y", "password": None}],
        "configuration": [{"key": "AuthorizationKey", "value": "***"}],
        "Authorization": "***",
        "token": "CSWIDTAG",
        "api_key": "***",
        "errors": {"http_401": 3},
        "verdicts": {"PASS": 3},
    }


any_secret = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


@given(any_secret, st.booleans(), st.integers(0, 1))
def test_json_keeps_its_form_whatever_the_secret_consists_of(
    secret: str, key_first: bool, depth: int
) -> None:
    def wrap(value: str) -> str:
        pair = {"key": "AuthorizationKey", "value": value}
        if not key_first:
            pair = dict(reversed(pair.items()))
        text = json.dumps([2, "1", "ChangeConfiguration", pair, {"password": value, "n": 1}])
        return json.dumps({"frame": text}) if depth else text

    assert Redactor().text(wrap(secret)) == wrap("***")


def test_a_secret_inside_a_secret_field_of_any_shape_is_masked() -> None:
    masked = Redactor().value({"password": {"plain": SECRET}, "secret": [SECRET, {"a": SECRET}]})
    assert SECRET not in json.dumps(masked)


def test_no_file_of_a_run_folder_holds_a_secret(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "x", "live", secrets=[SECRET, WITH_BLANKS])
    frames = [f'[2,"7","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{SECRET}"}}]']
    folder.write_manifest(
        command=["live", "--csms", f"ws://u:{SECRET}@h/"],
        scenario={"csms": {"password": SECRET, "url": f"ws://h/?token={SECRET}"}},
    )
    recorder = Recorder((), 1, station_ids=("CSW-a-0001",), frames=lambda station: frames)
    recorder.error(0, ErrorKind.HTTP_401, f"Authorization: Basic {BASIC} was refused", 1.0)
    recorder.error(0, ErrorKind.OCPP_CALLERROR, f"{SECRET} {WITH_BLANKS}", 1.0)
    stream = Appender(tmp_path, "events", 0)  # a shard that knows no secret
    stream.append({"at_s": 1.0, "detail": f"password {SECRET}", "frames": frames})
    stream.append({"at_s": 1.0, "detail": WITH_BLANKS, "frames": frames})
    stream.close()
    folder.write_table("ledger", [{"station_id": "a", "token": "CSWTAG"}])
    folder.write_text("report.md", f"Reached ws://u:{SECRET}@h/ with {WITH_BLANKS}")
    measurement = merge([recorder.result(1.0, record_s=0.0)])
    summary = live_summary(
        measurement,
        decide(unreachable=f"ws://u:{SECRET}@h/ refused"),
        asked=1,
        transactions=TransactionCounts(0, 0, 0, 0, 0),
        duration_s=1.0,
    )
    measurement.hlog(tmp_path / "latency.hlog", start_epoch_s=0.0)
    folder.finish(summary)
    # Parquet may compress or encode: look at its cells as well as at its bytes.
    from simulator.store import read_run

    run = read_run(tmp_path)
    texts = {name: run.table(name).to_csv() for name in run.tables}
    texts |= {f.name: f.read_bytes().decode("latin-1") for f in tmp_path.rglob("*") if f.is_file()}
    assert {"manifest.json", "summary.json", "events.parquet", "report.md"} <= texts.keys()
    for name, text in texts.items():
        for secret in (SECRET, WITH_BLANKS, BASIC, SECRET.encode().hex()):
            assert secret not in text, name
    assert "***" in texts["events"]
