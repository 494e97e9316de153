"""Arrow streams and files that were put together are read to the last one."""

import io
from collections.abc import Callable
from typing import cast

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import ipc

from ingest_project.errors import ObjectUnreadable
from ingest_project_tests.reading.factories import read, reasons, values
from ingest_project_tests.reading.streams import cut


def stream(**columns: list[object]) -> bytes:
    table, sink = pa.table(columns), io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def file(**columns: list[object]) -> bytes:
    table, sink = pa.table(columns), io.BytesIO()
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    return sink.getvalue()


def file_of_polars(**columns: list[object]) -> bytes:
    sink = io.BytesIO()
    pl.DataFrame(columns).write_ipc(sink)
    return sink.getvalue()


def rows_in_pieces(body: bytes) -> list[object]:
    frames = [one for content in cut(body, "ipc") for one in content.bodies]
    return [value for frame in frames if not isinstance(frame, bytes) for value in frame["n"].to_list()]


@pytest.mark.parametrize("between", [b"", b"\0" * 8])
def test_streams_follow_each_other(between: bytes) -> None:
    body = stream(n=[1, 2]) + between + stream(n=[3]) + between

    assert values(read(body, file_format="ipc"), "n") == [1, 2, 3]
    assert rows_in_pieces(body) == [1, 2, 3]


def test_streams_of_other_columns_are_refused() -> None:
    result = read(stream(n=[1]) + stream(m=[2]), file_format="ipc")

    assert "with different columns" in reasons(result)["0"]


@pytest.mark.parametrize("garbage", [b"garbage", b"\0\0\0\0x"])
def test_something_else_behind_a_stream_makes_it_unreadable(garbage: bytes) -> None:
    assert list(read(stream(n=[1]) + garbage, file_format="ipc").rows) == []


@pytest.mark.parametrize("write", [file, file_of_polars])
def test_files_follow_each_other(write: Callable[..., bytes]) -> None:
    body = write(n=[1, 2]) + write(n=[3]) + write(n=[4, 5, 6])

    assert values(read(body, file_format="ipc"), "n") == [1, 2, 3, 4, 5, 6]
    assert rows_in_pieces(body) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_files_without_rows_may_be_among_them(place: int) -> None:
    files = [file(n=[1, 2]), file(n=[3])]
    files.insert(place, empty_file())

    assert values(read(b"".join(files), file_format="ipc"), "n") == [1, 2, 3]


def empty_file() -> bytes:
    sink = io.BytesIO()
    with ipc.new_file(sink, pa.schema([("n", pa.int64())])):
        pass
    return sink.getvalue()


def test_each_file_has_dictionaries_of_its_own() -> None:
    files = [
        file(n=cast("list[object]", pa.array(words).dictionary_encode()))
        for words in (["a", "b"], ["c", "a"])
    ]

    assert values(read(b"".join(files), file_format="ipc"), "n") == ["a", "b", "c", "a"]


def test_files_within_a_file_are_values() -> None:
    inner = [file(n=[1]), file(n=[2])]

    assert values(read(file(n=list(inner)), file_format="ipc"), "n") == inner
    assert rows_in_pieces(file(n=list(inner))) == inner


@pytest.mark.parametrize("between", [b"garbage", b"\0" * 8])
def test_something_else_between_files_makes_them_unreadable(between: bytes) -> None:
    body = file(n=[1, 2]) + between + file(n=[3, 4])

    assert list(read(body, file_format="ipc").rows) == []
    with pytest.raises(ObjectUnreadable):
        rows_in_pieces(body)


def test_files_of_other_columns_are_refused() -> None:
    result = read(file(n=[1]) + file(m=[2]), file_format="ipc")

    assert "with different columns" in reasons(result)["0"]
