"""Passwords in frames: however the key is written, and wherever a known one stands."""

from __future__ import annotations

import json

import pytest

from simulator.live.frames import CUT, RECEIVED, FrameRing, masked
from simulator.live.trace import Tracer, join_traces
from simulator.store.redact import Redactor

KEYS = [
    "AuthorizationKey",
    "authorizationkey",
    "AUTHORIZATIONKEY",
    r"Authorization\u004bey",
    r"\u0061uthorizationKey",
    r"authorization\u004Bey",
    "BasicAuthPassword",
    r"basic\u0041uthPassword",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_the_same_in_any_case_and_any_spelling(key) -> None:
    frame = f'[2,"1","ChangeConfiguration",{{"key":"{key}","value":"c0ffee"}}]'.encode()
    assert "c0ffee" not in masked(frame) and "***" in masked(frame)
    assert "c0ffee" not in masked(frame[:-2])
    ring = FrameRing()
    pad = b"x" * (CUT - 60)
    ring.append(0.0, RECEIVED, frame.replace(b'"value"', b'"a":"' + pad + b'","value"'))
    assert "c0ffee" not in ring.rows()[0][2]


def test_a_frame_with_other_escapes_stays_as_it_is() -> None:
    frame = rb'[2, "1", "DataTransfer", {"vendorId": "M\u00fcller"}]'
    assert masked(frame) == frame.decode()


def test_passwords_that_the_run_knows_are_masked_wherever_they_stand(tmp_path) -> None:
    tracer = Tracer(tmp_path / "frames-0.jsonl", 0.0)
    tracer.write(0.0, "s", True, b'[2,"1","Heartbeat",{}]')
    tracer.write(1.0, "s", False, b'[2,"2","DataTransfer",{"data":"new: hunter2-hunter2!"}]')
    tracer.write(2.0, "s", False, b'[2,"3","DataTransfer",{"data":"{\\"pwd=other\\":1}"}]')
    tracer.close()
    before = (tmp_path / "frames-0.jsonl").read_bytes().splitlines()
    out = tmp_path / "frames.jsonl"
    join_traces([tmp_path / "frames-0.jsonl"], out, Redactor(["hunter2-hunter2!"]))
    assert "hunter2" not in out.read_text()
    lines = out.read_bytes().splitlines()
    assert lines[0] == before[0]
    rows = [json.loads(line) for line in lines]
    assert [row["message_id"] for row in rows] == ["1", "2", "3"]
    assert rows[1]["frame"] == '[2,"2","DataTransfer",{"data":"new: ***"}]'
