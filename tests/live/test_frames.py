"""The ring of last frames: bounded, in order, without secrets."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from simulator.live.frames import CUT, KEEP, RECEIVED, SENT, FrameRing, masked

SUSPECT = re.compile(rb"authorizationkey|basicauthpassword|\\u00", re.IGNORECASE)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=600)), max_size=60))
def test_the_ring_holds_the_last_frames_in_order(frames) -> None:
    ring = FrameRing()
    for number, (sent, data) in enumerate(frames):
        ring.append(float(number), SENT if sent else RECEIVED, data)
    rows = ring.rows()
    last = list(enumerate(frames))[-KEEP:]
    assert [(row[0], row[1]) for row in rows] == [
        (float(n), "out" if sent else "in") for n, (sent, _) in last
    ]
    assert len(ring) == len(last)
    for (_, _, text), (_, (_, data)) in zip(rows, last, strict=True):
        assert len(text) <= CUT + 1
        if SUSPECT.search(data):
            continue
        if len(data) <= CUT:
            assert text == data.decode("utf-8", "replace")
        else:
            assert text.endswith("…")


def test_a_password_set_by_the_csms_is_masked() -> None:
    frame = b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"c0ffee"}]'
    assert "c0ffee" not in masked(frame)
    assert "AuthorizationKey" in masked(frame)


def test_a_password_told_by_the_station_is_masked() -> None:
    frame = (
        b'[3,"1",{"configurationKey":[{"key":"HeartbeatInterval","readonly":false,"value":"300"},'
        b'{"key":"AuthorizationKey","readonly":false,"value":"c0ffee"}]}]'
    )
    assert "c0ffee" not in masked(frame) and '"300"' in masked(frame)


def test_a_broken_frame_with_a_password_is_withheld() -> None:
    assert "c0ffee" not in masked(b'[2,"1","X",{"key":"AuthorizationKey","value":"c0ffee"')


def test_a_long_frame_with_a_password_is_masked_before_it_is_cut() -> None:
    ring = FrameRing()
    pad = b"x" * CUT
    frame = b'[2,"1","X",{"a":"' + pad + b'","key":"AuthorizationKey","value":"c0ffee"}]'
    ring.append(0.0, RECEIVED, frame)
    assert "c0ffee" not in ring.rows()[0][2] and len(ring.rows()[0][2]) == CUT + 1
