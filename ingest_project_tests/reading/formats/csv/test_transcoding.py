"""A byte that means nothing in a file's encoding costs its row, and no other, whole or in pieces."""

import codecs

import pytest

from ingest_project.reading.content import Content
from ingest_project.reading.format_options import CsvDialect, FormatOptions
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target
from ingest_project.sources.object_version import ObjectVersion
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version
from ingest_project_tests.reading.streams import cut

OBJECT: ObjectVersion = object_version("k", version_id="v")
COLUMNS = {"a": "long", "s": "string"}


def results(
    body: bytes, dialect: CsvDialect, *, in_pieces: bool, quarantines: bool = True
) -> list[ReadResult]:
    options = FormatOptions(csv=dialect)
    reading = Reading("csv", Target(COLUMNS, "fail"), options, quarantines=quarantines)
    contents = [Content(OBJECT, (body,), WRITTEN_AT)]
    if in_pieces:
        contents = cut(body, "csv", options=options, piece_bytes=12, chunk_bytes=1)
        assert len(contents) > 1
    return [read_contents([content], reading) for content in contents]


def outcome(body: bytes, dialect: CsvDialect, *, in_pieces: bool) -> tuple[list[object], list[object]]:
    """The values of `s`, and the line, text and reason of each row that was set aside."""
    texts: list[object] = []
    rejected: list[object] = []
    for result in results(body, dialect, in_pieces=in_pieces):
        assert result.failures == ()
        texts += [] if result.frame is None else result.frame["s"].to_list()
        if result.rejected is not None:
            rejected += result.rejected.select("line_number", "raw", "reason").rows()
    return texts, rejected


@pytest.mark.parametrize("in_pieces", [False, True], ids=["whole", "in pieces"])
@pytest.mark.parametrize(
    ("encoding", "bad", "shown"),
    [
        *[("cp1252", bytes([byte]), f"\\x{byte:02x}") for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)],
        ("cp1252", b"\xe9\x81\xe9", "é\\x81é"),
        ("iso8859-6", b"\xdb\xa1", "\\xdb\\xa1"),  # which would be one letter in UTF-8
        ("shift_jis", b"\xff", "\\xff"),
        ("gb18030", b"\xff", "\\xff"),
        ("ascii", b"\xc3\xa9", "\\xc3\\xa9"),
        ("utf-8", b"\xe9", "\\xe9"),
        ("utf-8", b"\xed\xb2\x81", "\\xed\\xb2\\x81"),
        ("utf-16-le", b"\x3d\xd8", "\\ud83d"),
        ("utf-16-be", b"\xde\x00", "\\ude00"),
    ],
)
def test_byte_without_a_meaning_makes_a_bad_row(
    encoding: str, bad: bytes, shown: str, in_pieces: bool
) -> None:
    def coded(text: str) -> bytes:
        return text.encode(encoding)

    lines = [
        coded("a,s\n"),
        coded("1,x\n"),
        coded('2,"'),
        bad,
        coded('"\n3,'),
        bad,
        coded("\n"),
        coded("4,y\n"),
    ]

    texts, rejected = outcome(b"".join(lines), CsvDialect(encoding=encoding), in_pieces=in_pieces)

    name = "UTF-8" if encoding == "utf-8" else encoding
    assert texts == ["x", "y"]
    assert rejected == [
        (3, f'2,"{shown}"', f"it is not valid {name}"),
        (4, f"3,{shown}", f"it is not valid {name}"),
    ]


@pytest.mark.parametrize("in_pieces", [False, True], ids=["whole", "in pieces"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_text_without_a_mark_is_little_endian(encoding: str, in_pieces: bool) -> None:
    body = "a,s\n1,é\n2,y\n".encode(f"{encoding}-le")

    texts, rejected = outcome(body, CsvDialect(encoding=encoding), in_pieces=in_pieces)

    assert (texts, rejected) == (["é", "y"], [])


@pytest.mark.parametrize("in_pieces", [False, True], ids=["whole", "in pieces"])
def test_half_a_surrogate_pair_below_a_mark_makes_a_bad_row(in_pieces: bool) -> None:
    body = (
        codecs.BOM_UTF16_LE
        + "a,s\n1,x\n2,".encode("utf-16-le")
        + b"\x3d\xd8"
        + "\n3,😀\n".encode("utf-16-le")
    )

    texts, rejected = outcome(body, CsvDialect(), in_pieces=in_pieces)

    assert texts == ["x", "😀"]
    assert rejected == [(3, "2,\\ud83d", "it is not valid Unicode")]


@pytest.mark.parametrize("in_pieces", [False, True], ids=["whole", "in pieces"])
def test_without_a_quarantine_such_a_byte_fails_its_object(in_pieces: bool) -> None:
    body = b"a,s\n1,x\n2,y\n3,\x81\n"

    found = results(body, CsvDialect(encoding="cp1252"), in_pieces=in_pieces, quarantines=False)

    (failure,) = found[-1].failures
    assert (failure.error.error_class, failure.error.reason) == (
        "unreadable",
        "line 4: it is not valid cp1252",
    )


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"a,s\x81\n1,x\n", "cp1252", "it is not valid cp1252"),
        (b"a,s\n1,\x81\n2,\x8d\n", "cp1252", "none of its 2 rows can be read"),
        ("a,s\n1,x\n".encode("utf-16-le")[:-1], "utf-16-le", "it is not valid utf-16-le"),
        (b"a,s\n1,x\n\x1b$\x00\x01\n", "iso2022_jp", "it is not valid iso2022_jp"),
    ],
)
def test_object_that_is_no_text_of_the_encoding_at_all_fails(body: bytes, encoding: str, reason: str) -> None:
    (found,) = results(body, CsvDialect(encoding=encoding), in_pieces=False)

    (failure,) = found.failures
    assert failure.error.error_class == "unreadable"
    assert failure.error.reason.startswith(reason)
