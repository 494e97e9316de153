"""Every format under every compression, cut into tiny pieces: together they are what the whole is."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.errors import ObjectTooLarge, ObjectUnreadable
from ingest_project.reading.content import Content
from ingest_project.reading.parse import Reading, parse
from ingest_project.reading.read import read_contents
from ingest_project.reading.target import Target
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.reading.archives import COMPRESSIONS, zipped
from ingest_project_tests.reading.factories import reasons
from ingest_project_tests.reading.streams import cut, texts
from ingest_project_tests.reading.test_format_matrix import CASES, COMPRESS, ROWS

Row = tuple[object, ...]


def rows_of(contents: Sequence[Content], file_format: TableFormat) -> list[Row]:
    """The rows of all pieces, as readers of others find them in each piece alone."""
    return [*chain.from_iterable(rows_of_each(contents, file_format))]


def rows_of_each(contents: Sequence[Content], file_format: TableFormat) -> list[list[Row]]:
    """The rows of each piece."""
    if file_format == "excel":
        return _rows_of_sheets(
            [
                pl.concat([body for body in content.bodies if isinstance(body, pl.DataFrame)])
                for content in contents
            ]
        )
    return [[row for body in content.bodies for row in _rows(body, file_format)] for content in contents]


def _rows_of_sheets(pieces: Sequence[pl.DataFrame]) -> list[list[Row]]:
    """The rows of frames of cells, whose columns get their types together: alone they take much longer."""
    (parsed,) = parse([pl.concat(pieces)], Reading("excel", Target(None)), uri="u")
    rows = iter(parsed.frame.rows())
    return [[*islice(rows, piece.height)] for piece in pieces]


def _rows(body: bytes | pl.DataFrame, file_format: TableFormat) -> Iterable[Row]:
    if isinstance(body, pl.DataFrame):
        return body.rows()
    match file_format:
        case "ndjson" | "json":
            return [tuple(json.loads(line).values()) for line in body.splitlines()]
        case "csv":
            return map(tuple, [*csv.reader(io.StringIO(body.decode(), newline=""))][1:])
        case "text":
            return [(line,) for line in body.splitlines()]
        case _:
            return pl.read_avro(io.BytesIO(body)).rows()


def avro_of_blocks(count: int) -> bytes:
    """The rows of the matrix in an Avro file of so many blocks; Polars writes one."""
    files = []
    for start in range(0, len(ROWS), len(ROWS) // count):
        sink = io.BytesIO()
        pl.DataFrame(ROWS).slice(start, len(ROWS) // count).write_avro(sink, name="row")
        files.append(sink.getvalue())
    marker = files[0][-16:]
    header = files[0][: files[0].index(marker) + 16]
    return header + b"".join(file[len(header) : -16] + marker for file in files)


BODIES: dict[TableFormat, bytes] = {
    **{name: case.body for name, case in CASES.items()},
    "avro": avro_of_blocks(30),
}


def expected_rows(file_format: TableFormat) -> list[Row]:
    body = BODIES[file_format]
    match file_format:
        case "parquet":
            return pl.read_parquet(io.BytesIO(body)).rows()
        case "ipc":
            return pl.read_ipc(io.BytesIO(body)).rows()
        case "json" | "orc" | "excel":
            return [tuple(row.values()) for row in ROWS]
        case _:
            return [*_rows(body, file_format)]


STREAMED: list[TableFormat] = [name for name in CASES if name != "binary"]
PIECE_BYTES = st.integers(1, 50_000)


@pytest.mark.parametrize("compression", list(COMPRESS))
@pytest.mark.parametrize("file_format", STREAMED)
@settings(max_examples=6)
@given(piece_bytes=PIECE_BYTES, chunk_bytes=st.integers(1, 50_000))
def test_pieces_have_the_rows_of_the_whole_and_number_them(
    file_format: TableFormat, compression: str, piece_bytes: int, chunk_bytes: int
) -> None:
    body = COMPRESS[compression](BODIES[file_format])

    contents = cut(body, file_format, piece_bytes=piece_bytes, chunk_bytes=chunk_bytes)

    found = rows_of_each(contents, file_format)
    assert [*chain.from_iterable(found)] == expected_rows(file_format)
    assert all(len(content.bodies) == 1 and not content.oversized for content in contents)
    if file_format not in {"csv", "text"}:  # whose rows are no lines, or are looked at elsewhere
        row = 1
        for content, rows in zip(contents, found, strict=True):
            assert content.first_line == row
            row += len(rows)


@pytest.mark.parametrize("file_format", STREAMED)
def test_small_pieces_are_many(file_format: TableFormat) -> None:
    assert len(cut(BODIES[file_format], file_format, piece_bytes=1000)) > 5


@pytest.mark.parametrize("file_format", ["parquet", "ipc", "avro"])
def test_numbers_become_text_piece_by_piece_as_in_the_whole(file_format: TableFormat) -> None:
    body = io.BytesIO()
    getattr(pl.DataFrame({"c": [*range(-500, 500), None], "ok": [True] * 1001}), f"write_{file_format}")(body)
    reading = Reading(file_format, Target({"c": "string", "ok": "string"}, "fail"))

    found = [read_contents([one], reading) for one in cut(body.getvalue(), file_format, piece_bytes=1000)]

    frames = [one.frame for one in found if one.frame is not None]
    assert [one.failures for one in found if one.failures] == []
    assert pl.concat(frames)["c"].to_list() == [*map(str, range(-500, 500)), None]
    assert pl.concat(frames)["ok"].unique().to_list() == ["true"]


@pytest.mark.parametrize("file_format", STREAMED)
def test_each_member_of_a_zip_is_numbered_by_itself(file_format: TableFormat) -> None:
    body = BODIES[file_format]

    contents = cut(zipped({"a": body, "empty": b"", "b": body}), file_format, piece_bytes=10**9)

    assert rows_of(contents, file_format) == expected_rows(file_format) * 2
    assert [content.first_line for content in contents] == [1, 1]


@pytest.mark.parametrize("file_format", STREAMED)
@pytest.mark.parametrize(
    "body",
    [b"", zipped({}), *(compress(b"") for compress in COMPRESSIONS.values())],
    ids=["plain", "zip", *COMPRESSIONS],
)
def test_nothing_is_one_empty_piece_in_any_format(file_format: TableFormat, body: bytes) -> None:
    assert texts(cut(body, file_format)) == [b""]


@pytest.mark.parametrize("compression", [name for name in COMPRESS if name != "none"])
@pytest.mark.parametrize("file_format", STREAMED)
def test_a_stream_that_is_cut_short_is_unreadable_at_its_end(
    file_format: TableFormat, compression: str
) -> None:
    body = COMPRESS[compression](BODIES[file_format])
    for end in (20, len(body) // 2, len(body) - 1):
        with pytest.raises(ObjectUnreadable):
            cut(body[:end], file_format, piece_bytes=500)


@pytest.mark.parametrize("file_format", ["json", "parquet", "avro", "ipc", "orc", "excel"])
def test_a_bare_file_that_is_cut_short_is_unreadable(file_format: TableFormat) -> None:
    body = BODIES[file_format]

    with pytest.raises(ObjectUnreadable):
        cut(body[: len(body) * 2 // 3], file_format, piece_bytes=500)


@pytest.mark.parametrize("file_format", ["parquet", "avro", "ipc", "json"])
@settings(max_examples=150)
@given(data=st.data())
def test_damage_is_an_error_of_the_object_or_rows_but_nothing_else(
    file_format: TableFormat, data: st.DataObject
) -> None:
    body = bytearray(BODIES[file_format])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))

    with suppress(ObjectUnreadable):
        cut(bytes(body), file_format, piece_bytes=500, chunk_bytes=4096)


def test_binary_is_not_cut() -> None:
    with pytest.raises(ObjectTooLarge, match="cannot be read in pieces"):
        cut(b"x", "binary")


@pytest.mark.parametrize(
    ("file_format", "body", "is_told"),
    [
        ("ndjson", b'[{"a": 1}, {"a": 2}]', True),
        ("ndjson", b'{"a": 1}{"a": 2}{"a": 3}', True),
        ("ndjson", b'{"a": "1234567890123"}', False),
        ("text", b"[{1234567890123456789}]", False),
    ],
)
@pytest.mark.parametrize("quarantines", [True, False])
def test_a_document_in_one_line_that_is_too_long_is_told_how_it_is_read(
    file_format: TableFormat, body: bytes, *, is_told: bool, quarantines: bool
) -> None:
    reading = Reading(file_format, Target({"a": "long"}), quarantines=quarantines)

    result = read_contents(cut(body, file_format, record_bytes=10), reading)

    told = [] if result.rejected is None else result.rejected["reason"].to_list()
    assert ["`format: json`" in one for one in [*told, *reasons(result).values()]] == [is_told]
