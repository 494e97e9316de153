"""Previews of buckets whose files nobody prepared for it."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from datetime import UTC, date, datetime

import openpyxl
import polars as pl
import pyarrow as pa
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from pyarrow import orc

from ingest_project.errors import ObjectMissing
from ingest_project.preview.answer import preview_answer
from ingest_project.preview.entry import entry_lines
from ingest_project_tests.landing import BUCKET
from ingest_project_tests.preview.factories import Bucket, column, ndjson, problems, types, written, zipped
from ingest_project_tests.reading.formats.excel.workbooks import by_hand, row, saved, workbook

ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
FRAME = pl.DataFrame(ROWS)
FORMATS = {
    "ndjson": ndjson(*ROWS),
    "json": json.dumps(ROWS, indent=1).encode(),
    "csv": b"id,name\n1,a\n2,b\n",
    "parquet": written(FRAME.write_parquet),
    "avro": written(FRAME.write_avro),
    "ipc": written(FRAME.write_ipc),
    "orc": written(lambda out: orc.write_table(pa.Table.from_pylist(ROWS), out)),
    "excel": workbook(["id", "name"], [1, "a"], [2, "b"]),
}


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("name", ["right", "none", "wrong.bin"])
def test_format_is_recognised_by_the_content_whatever_the_name(
    bucket: Bucket, file_format: str, name: str
) -> None:
    bucket.put(f"x/{name}", FORMATS[file_format])

    preview = bucket.preview("x/")

    assert preview.format == file_format
    assert types(preview) == {"id": "long", "name": "string"}
    assert [dict(row) for row in preview.rows] == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


@pytest.mark.parametrize(
    ("pack", "name"),
    [
        (gzip.compress, "gzip"),
        (bz2.compress, "bzip2"),
        (lzma.compress, "xz"),
        (lambda body: zipped(b"", body), "zip"),
        (lambda body: zipped(gzip.compress(body)), "zip, gzip"),
    ],
)
def test_compression_is_recognised_by_the_content(
    bucket: Bucket, pack: Callable[[bytes], bytes], name: str
) -> None:
    bucket.put("x/a.csv", pack(FORMATS["csv"]))

    preview = bucket.preview("x/")

    (one,) = preview.objects
    assert (one.format, one.compression, one.rows, one.is_whole) == ("csv", name, 2, True)


def test_disagreement_of_name_and_content_is_reported(bucket: Bucket) -> None:
    bucket.put("x/a.csv", FORMATS["parquet"])

    (one,) = bucket.preview("x/").objects

    assert (one.format, one.named) == ("parquet", "csv")
    assert "its name says csv, its content is parquet" in (one.note or "")


def test_csv_of_another_country(bucket: Bucket) -> None:
    bucket.put("x/a.csv", "Nr;Größe;Preis\r\n007;1.5;12.50\r\n008;;NULL\r\n009;2;7.00\r\n".encode("latin-1"))

    preview = bucket.preview("x/")

    csv = preview.options.csv
    assert (csv.delimiter, csv.encoding, csv.null_values) == (";", "iso8859-1", ("NULL",))
    assert types(preview) == {"Nr": "string", "Größe": "double", "Preis": "decimal(18,2)"}
    assert column(preview, "Größe").null_rows == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings_of_csv(bucket: Bucket, encoding: str) -> None:
    bucket.put("x/a.csv", "id;preis\n1;„5 €“\n2;x\n".encode(encoding))

    preview = bucket.preview("x/")

    assert problems(preview) == {}
    assert column(preview, "preis").examples == ("„5 €“", "x")


def test_csv_without_a_header_is_recognised_by_its_values(bucket: Bucket) -> None:
    bucket.put("x/a.csv", b"1,anna,\n2,bert,\n")

    preview = bucket.preview("x/")

    assert preview.options.csv.names == ("column_1", "column_2", "column_3")
    assert types(preview) == {"column_1": "long", "column_2": "string", "column_3": None}


def test_rows_of_a_document_are_found_below_its_top(bucket: Bucket) -> None:
    for number in range(3):
        bucket.put(f"x/{number}.json", json.dumps({"page": number, "data": {"items": ROWS}}).encode())

    preview = bucket.preview("x/")

    assert preview.options.json_path == ("data", "items")
    assert types(preview) == {"id": "long", "name": "string"}
    assert any("data.items" in note for note in preview.notes)


def test_types_are_those_of_all_sampled_objects_and_disagreement_names_them(bucket: Bucket) -> None:
    bucket.put("x/1.ndjson", ndjson({"n": 1, "mixed": 1, "only_here": True, "s": {"a": 1}, "none": None}))
    bucket.put("x/2.ndjson", ndjson({"n": 1.5, "mixed": "one", "s": {"b": "x"}, "none": None}))

    preview = bucket.preview("x/")

    assert types(preview) == {
        "n": "double", "mixed": "string", "only_here": "boolean", "s": "struct<a: long, b: string>",
        "none": None,
    }  # fmt: skip
    assert column(preview, "mixed").notes == (
        "the objects disagree: long in x/1.ndjson; string in x/2.ndjson",
    )
    assert (column(preview, "only_here").objects, column(preview, "only_here").null_rows) == (1, 1)
    assert (column(preview, "none").null_rows, column(preview, "none").rows) == (2, 2)


def test_sample_reaches_across_the_objects_and_not_only_the_first(bucket: Bucket) -> None:
    for number in range(9):
        bucket.put(f"x/{number}.ndjson", ndjson({f"c{number}": number}))

    preview = bucket.preview("x/", objects=3)

    assert list(types(preview)) == ["c0", "c4", "c8"]
    assert len(preview.listing.objects) == 9


def test_same_bucket_gives_the_same_answer(bucket: Bucket) -> None:
    for number in range(12):
        bucket.put(
            f"x/dt=2026-11-{number + 10}/a.csv",
            f"id,at\n{number},2026-11-20T13:00:0{number % 10}Z\n".encode(),
        )
        bucket.put(f"x/dt=2026-11-{number + 10}/b.json", b'{"id": 1}{"id": 2}')

    first = preview_answer(bucket.preview("x/", objects=10), "landing")

    assert first == preview_answer(bucket.preview("x/", objects=10), "landing")


def test_mixed_formats_are_distinguished_and_the_most_frequent_counts(bucket: Bucket) -> None:
    for number in range(3):
        bucket.put(f"x/{number}.csv", FORMATS["csv"])
    bucket.put("x/a.parquet", FORMATS["parquet"])
    bucket.put("x/readme.txt", b"please read me\n")
    bucket.put("x/folder/", b"")
    bucket.put("x/_SUCCESS", b"{}")

    preview = bucket.preview("x/")

    assert (preview.format, preview.suffix, preview.listing.empty) == ("csv", ".csv", 2)
    assert set(problems(preview)) == {"x/a.parquet", "x/readme.txt"}


def test_damaged_objects_are_reported_and_the_others_are_previewed(bucket: Bucket) -> None:
    bucket.put("x/1.ndjson", ndjson(*ROWS))
    bucket.put("x/2.ndjson.gz", gzip.compress(ndjson(*ROWS))[:-6])
    bucket.put("x/3.ndjson", ndjson(*ROWS) + b"{broken\n" + ndjson({"id": 3, "name": "c"}))
    bucket.put("x/4.zip", zipped(b"x")[:30])
    bucket.landing.s3.put_object(Bucket=BUCKET, Key="x/5.ndjson", Body=b"{}", StorageClass="GLACIER")

    preview = bucket.preview("x/")

    reasons = problems(preview)
    assert set(reasons) == {"x/2.ndjson.gz", "x/4.zip", "x/5.ndjson"}
    assert "truncated or corrupt" in reasons["x/2.ndjson.gz"]
    assert "archived" in reasons["x/5.ndjson"]
    third = preview.objects[2]
    assert (third.rows, third.rejected) == (3, 1)
    assert "line 3" in (third.note or "")
    assert preview.is_found


def test_nothing_readable_is_not_a_finding(bucket: Bucket) -> None:
    bucket.put("x/1.parquet", b"PAR1 and then nothing PAR1")

    preview = bucket.preview("x/")

    assert not preview.is_found
    assert "x/1.parquet" in problems(preview)
    assert not bucket.preview("none/").is_found


def test_bucket_that_is_not_there_is_an_error(bucket: Bucket) -> None:
    bucket.landing.s3.delete_bucket(Bucket=BUCKET)

    with pytest.raises(ObjectMissing):
        bucket.preview("x/")


def test_first_part_of_large_objects_tells_enough(bucket: Bucket) -> None:
    lines = [json.dumps({"id": number, "text": "line\n" * 20}) for number in range(60_000)]
    bucket.put("n/a.ndjson", "\n".join(lines).encode())
    bucket.put("n/b.ndjson.gz", gzip.compress("\n".join(lines).encode(), 1))
    bucket.put("j/a.json", ('{"data": [' + ",\n".join(lines) + "]}").encode())
    records = "".join(f'{number};"ä\n;{number}";x\n' for number in range(600_000))
    bucket.put("c/a.csv", f"id;text;c\n{records}".encode("utf-16"))

    for prefix in ("n/", "j/"):
        preview = bucket.preview(prefix)
        assert problems(preview) == {}
        assert types(preview) == {"id": "long", "text": "string"}
        assert all(not one.is_whole and 10_000 < (one.rows or 0) < 60_000 for one in preview.objects)
        assert all(one.rejected == 0 for one in preview.objects)
    csv = bucket.preview("c/")
    assert types(csv) == {"id": "long", "text": "string", "c": "string"}
    assert csv.objects[0].rejected == 0


@pytest.mark.parametrize("file_format", ["parquet", "ipc", "orc", "excel", "avro", "stream", "zip"])
def test_first_rows_of_large_files_with_a_schema(
    bucket: Bucket, file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_project.preview.heads.WHOLE_BYTES", 10_000)
    monkeypatch.setattr("ingest_project.preview.heads.HEAD_BYTES", 40_000)
    frame = pl.DataFrame({"id": range(200_000), "at": [datetime(2026, 11, 20, tzinfo=UTC)] * 200_000})
    scattered = pa.table({"id": [number * 2_654_435_761 % 2**40 for number in range(200_000)]})
    bodies: dict[str, Callable[[], bytes]] = {
        "parquet": lambda: written(lambda out: frame.write_parquet(out, row_group_size=50_000)),
        "ipc": lambda: written(frame.write_ipc),
        "orc": lambda: written(lambda out: orc.write_table(scattered, out)),
        "excel": lambda: by_hand(row("id"), *(row(number) for number in range(20_000))),
        "stream": lambda: written(frame.write_ipc_stream),
        "avro": avro_blocks,
        "zip": lambda: zipped(ndjson(*({"id": number} for number in range(50_000)))),
    }
    bucket.put("x/a", bodies[file_format]())

    preview = bucket.preview("x/")

    assert problems(preview) == {}
    assert types(preview)["id"] == "long"
    assert not preview.objects[0].is_whole
    assert 0 < (preview.objects[0].rows or 0) < 200_000


def test_a_workbook_is_told_from_an_archive_and_may_lie_in_one(bucket: Bucket) -> None:
    bucket.put("x/a.zip", zipped(FORMATS["excel"]))

    preview = bucket.preview("x/")

    assert preview.format == "excel"
    assert preview.objects[0].compression == "zip"
    assert types(preview) == {"id": "long", "name": "string"}


def test_a_workbook_s_title_is_passed_over_and_its_sheets_and_bad_rows_are_told(bucket: Bucket) -> None:
    book = openpyxl.Workbook()
    assert isinstance(book.active, Worksheet)
    for values in (["Sales"], [], ["id", "at", "total"], [1, date(2026, 11, 20), 1.5], [2, None, "#N/A"]):
        book.active.append(values)
    book.active["C5"].data_type = "e"
    book.create_sheet("Notes").sheet_state = "hidden"
    bucket.put("x/a.xlsx", saved(book))

    preview = bucket.preview("x/")

    assert types(preview) == {"id": "long", "at": "date", "total": "double"}
    assert (preview.objects[0].rows, preview.objects[0].rejected) == (1, 1)
    assert preview.objects[0].note == "line 5: column 'total': its cell is #N/A"
    expected = "x/a.xlsx: it has the sheets 'Sheet', 'Notes' (hidden); the first visible one is read"
    assert preview.notes[0].startswith(expected)
    answer = preview_answer(preview, "landing")
    assert answer["excel"] == {"sheet": None, "header": True, "skip_rows": 2, "null_values": []}
    lines = entry_lines(preview, "landing")
    assert "  excel:" in lines
    assert "    skip_rows: 2  # above the table" in lines


def test_a_workbook_without_a_header_has_its_columns_by_their_place(bucket: Bucket) -> None:
    bucket.put("x/a.xlsx", workbook([1, 2.5, "a"], [2, 3.5, "b"]))

    preview = bucket.preview("x/")

    assert types(preview) == {"column_1": "long", "column_2": "double", "column_3": "string"}
    assert "    header: false  # the columns below are in the order of the fields: name them" in entry_lines(
        preview, "landing"
    )


def test_a_text_that_begins_with_the_letters_of_orc_is_a_text(bucket: Bucket) -> None:
    bucket.put("x/a", b"ORCHARD,n\nA,1\nB,2\n")

    assert bucket.preview("x/").format == "csv"


def avro_blocks() -> bytes:
    import fastavro

    schema = {"type": "record", "name": "r", "fields": [{"name": "id", "type": "long"}]}
    rows = ({"id": number} for number in range(100_000))
    return written(lambda out: fastavro.writer(out, schema, rows, sync_interval=4_000))


def test_keys_suggest_partitions_and_times_the_layout(bucket: Bucket) -> None:
    for day in ("2026-11-20", "2026-11-21"):
        bucket.put(
            f"x/dt={day}/a.ndjson",
            ndjson({"updated": "2026-11-20T13:00:00Z", "ordered_at": f"{day}T13:00:00Z"}),
        )

    preview = bucket.preview("x/")

    assert preview.partitions is not None
    assert (preview.partitions.settings.every, preview.partitions.count) == ("day", 2)
    assert preview.partition_spec == ("day(ordered_at)",)


def test_binary_objects_and_text_are_what_is_left(bucket: Bucket) -> None:
    bucket.put("b/a.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    bucket.put("t/app.log", b"2026-11-20 13:00:00 INFO started, ok\nand on\n")

    assert bucket.preview("b/").format == "binary"
    assert bucket.preview("t/").format == "text"
    assert bucket.preview("b/").is_found


@pytest.mark.parametrize("name", ["a.csv", "a"])
def test_csv_with_control_characters_is_csv(bucket: Bucket, name: str) -> None:
    bucket.put(f"x/{name}", b"id,raw\n" + b"".join(b"%d,\x01\x02\x03\x04\n" % number for number in range(9)))

    assert bucket.preview("x/").format == "csv"


def test_markup_is_text_whatever_delimiters_it_holds(bucket: Bucket) -> None:
    bucket.put("x/a", b'<?xml version="1.0"?>\n<a b="1,2"/>\n<a b="3,4"/>\n')

    assert bucket.preview("x/").format == "text"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.ndjson", b'{"_batch_id": 1, "x.y": 1, "x": {"y": 1.5}}\n' * 2 + b"{oops\n"),
        ("a.csv", b"_batch_id,x.y,x\n1,2,3.5\n1,2\n"),
    ],
)
def test_bad_rows_beside_names_that_no_column_can_have(bucket: Bucket, name: str, body: bytes) -> None:
    bucket.put(f"x/{name}", body)

    preview = bucket.preview("x/")

    assert problems(preview) == {}
    assert list(types(preview)) == ["_batch_id", "x.y", "x"]
    assert preview.objects[0].rejected == 1
    assert "where a row lacks this field, `from` finds y within x" in column(preview, "x.y").notes
