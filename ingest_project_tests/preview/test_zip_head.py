"""Zips of several files."""

from ingest_project_tests.preview.factories import Bucket, column, types, zipped
from ingest_project_tests.reading import archives

CSV = b"id,name\n1,a\n2,b\n"


def test_files_of_a_zip_are_looked_into_together(bucket: Bucket) -> None:
    bucket.put("x/a.zip", zipped(b"id,a\n1,2\n", b"", b"id,a,extra\n2,x,true\n"))

    preview = bucket.preview("x/")

    assert types(preview) == {"id": "long", "a": "string", "extra": "boolean"}
    assert column(preview, "a").notes == (
        "the objects disagree: long in x/a.zip!m0.x; string in x/a.zip!m2.x",
    )
    (one,) = preview.objects
    assert (one.rows, one.is_whole, one.note) == (2, True, "a zip of 2 files, all of which were looked into")
    assert (column(preview, "extra").objects, column(preview, "extra").sampled) == (1, 1)


def test_of_a_zip_of_many_files_a_few_are_looked_into(bucket: Bucket) -> None:
    bucket.put("x/a.zip", zipped(*(f"id,c{number}\n1,2\n".encode() for number in range(9))))

    preview = bucket.preview("x/")

    assert list(types(preview)) == ["id", "c0", "c2", "c4", "c6", "c8"]
    assert "a zip of 9 files, 5 of which were looked into" in (preview.objects[0].note or "")


def test_file_of_another_kind_in_a_zip_is_reported(bucket: Bucket) -> None:
    bucket.put("x/a.zip", zipped(CSV, b"please read me\n"))
    bucket.put("x/b.csv", CSV)

    preview = bucket.preview("x/")

    assert preview.objects[0].rows == 2
    assert "m1.x: it is text, unlike most of the others" in (preview.objects[0].note or "")


def test_files_that_macos_adds_are_skipped(bucket: Bucket) -> None:
    of_mac = {
        "__MACOSX/d/._a.csv": b"\0\5\x16\7",
        "d/.DS_Store": b"\0\0\0\1Bud1",
        ".DS_Store": b"\0\0\0\1Bud1",
    }
    bucket.put("x/a.zip", archives.zipped({"d/": b"", **of_mac, "d/a.csv": CSV}))

    (one,) = bucket.preview("x/").objects

    assert (one.format, one.rows, one.note) == ("csv", 2, None)
