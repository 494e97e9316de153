"""Arrow streams that were put together are read to the last one."""

import io

import pyarrow as pa
import pytest
from pyarrow import ipc

from ingest_project_tests.objects.factories import read, reasons, values
from ingest_project_tests.objects.streams import cut


def stream(**columns: list[object]) -> bytes:
    table, sink = pa.table(columns), io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
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

    assert "they differ in their columns" in reasons(result)["0"]


@pytest.mark.parametrize("garbage", [b"garbage", b"\0\0\0\0x"])
def test_something_else_behind_a_stream_makes_it_unreadable(garbage: bytes) -> None:
    assert list(read(stream(n=[1]) + garbage, file_format="ipc").rows) == []
