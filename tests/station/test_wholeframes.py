"""Frames read and written apart are those of ``websockets``, byte for byte, and no others."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN, SERVER, Protocol

from simulator.station.wholeframes import (
    LONGEST,
    client_text,
    from_client,
    from_server,
    server_text,
)

MASK = b"\x01\xfe\x00\x80"
payloads = st.binary(max_size=300) | st.integers(0, LONGEST).map(lambda n: b"x" * n)


def heard(side, data: bytes) -> list[Frame]:
    """What the general parser makes of the bytes."""
    end = Protocol(side, state=OPEN)
    end.receive_data(data)
    assert end.parser_exc is None
    return end.events_received()


@given(payloads)
@example(b"x" * 125)
@example(b"x" * 126)
@example(b"x" * LONGEST)
def test_what_is_written_is_one_text_frame_to_the_other_end_and_to_websockets(payload) -> None:
    for side, frame, read in (
        (SERVER, client_text(payload, MASK), from_client),
        (CLIENT, server_text(payload), from_server),
    ):
        (event,) = heard(side, frame)
        assert (event.opcode, event.fin, bytes(event.data)) == (Opcode.TEXT, True, payload)
        assert read(frame) == payload


@given(st.binary(max_size=12) | st.binary(max_size=300).map(lambda rest: b"\x81" + rest))
def test_what_is_read_is_what_websockets_reads_from_the_same_bytes(data) -> None:
    for side, read in ((CLIENT, from_server), (SERVER, from_client)):
        text = read(data)
        if text is not None:
            (event,) = heard(side, data)
            assert (event.opcode, event.fin, bytes(event.data)) == (Opcode.TEXT, True, text)


@given(payloads, st.binary(min_size=1, max_size=3), st.data())
def test_more_or_less_than_one_frame_is_left_to_websockets(payload, more, data) -> None:
    for frame, read in (
        (client_text(payload, MASK), from_client),
        (server_text(payload), from_server),
    ):
        assert read(frame + more) is None
        assert read(frame[: data.draw(st.integers(0, len(frame) - 1))]) is None


@given(payloads, st.sampled_from([Opcode.BINARY, Opcode.CONT]), st.booleans())
def test_other_frames_and_the_other_side_s_are_left_to_websockets(payload, opcode, fin) -> None:
    for mask, read in ((True, from_client), (False, from_server)):
        assert read(Frame(opcode, payload, fin).serialize(mask=mask)) is None
        assert read(Frame(Opcode.PING, payload[:125]).serialize(mask=mask)) is None
        assert read(Frame(Opcode.TEXT, payload, False).serialize(mask=mask)) is None
        if payload:  # without one the two differ by the mask alone
            assert read(Frame(Opcode.TEXT, payload).serialize(mask=not mask)) is None
