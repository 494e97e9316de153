"""Chunks are read ahead by a thread: all, in order, no more than allowed, and none after the end."""

from collections.abc import Iterator
from threading import Event

import pytest

from ingest_project.reading.read_ahead import read_ahead

PATIENCE_SECONDS = 10.0


def test_chunks_come_in_order() -> None:
    chunks = [bytes([number]) for number in range(100)]
    assert [*read_ahead(chunks, most=3)] == chunks
    assert [*read_ahead([], most=3)] == []


def test_the_next_chunks_are_read_before_they_are_asked_for() -> None:
    read: list[int] = []
    was_read_ahead = Event()

    def chunks() -> Iterator[bytes]:
        for number in range(10):
            read.append(number)
            if number == 3:
                was_read_ahead.set()
            yield bytes([number])

    found = read_ahead(chunks(), most=3)
    assert next(found) == b"\x00"
    assert was_read_ahead.wait(PATIENCE_SECONDS)
    found.close()
    assert read == [0, 1, 2, 3]


def test_an_error_is_raised_at_its_place() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"a"
        raise OSError("the connection is gone")

    found = read_ahead(chunks(), most=3)
    assert next(found) == b"a"
    with pytest.raises(OSError, match="the connection is gone"):
        next(found)
