"""Framed pickles over a pipe, in any pieces."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.live.pipe import (
    BACKLOG_BYTES,
    Inbox,
    Outbox,
    PipeClosedError,
    encode,
    read_message,
    write_message,
)


@given(st.lists(st.binary(max_size=100), max_size=8), st.integers(1, 50))
def test_messages_survive_being_cut_anywhere(messages, step) -> None:
    stream = b"".join(map(encode, messages))
    inbox = Inbox()
    found = []
    for at in range(0, len(stream), step):
        found += inbox.feed(stream[at : at + step])
    assert found == messages


def test_a_message_larger_than_the_pipe_arrives_whole() -> None:
    read, write = os.pipe()
    message = os.urandom(1 << 20)
    writer = threading.Thread(target=write_message, args=(write, message))
    writer.start()
    assert read_message(read) == message
    writer.join()
    os.close(write)
    with pytest.raises(PipeClosedError):
        read_message(read)
    os.close(read)


def test_writing_to_nobody_is_an_error_of_its_own() -> None:
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(PipeClosedError):
        write_message(write, "hello")
    os.close(write)


def test_a_reader_that_sleeps_costs_snapshots_not_results() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    outbox = Outbox(write)
    big = b"x" * 100_000
    sent = 0
    while outbox.offer(big):
        sent += 1
    assert sent * len(big) > BACKLOG_BYTES
    assert not outbox.offer("dropped")
    received = []

    def reader() -> None:
        while (message := read_message(read)) != "final":
            received.append(message)

    thread = threading.Thread(target=reader)
    thread.start()
    outbox.finish("final")
    thread.join()
    assert received == [big] * sent
    os.close(read)
    os.close(write)
