"""Dialects and paths that only the files of a few programs have."""

import json

import pytest

from ingest_project_tests.preview.factories import Bucket, types

ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def test_names_of_a_log_file_are_those_of_its_comment(bucket: Bucket) -> None:
    bucket.put("x/a", b"#Version: 1.0\n#Fields: date time cs-method\n2026-11-20\t13:00:00\tGET\n")

    preview = bucket.preview("x/")

    assert types(preview) == {"date": "date", "time": "time", "cs-method": "string"}
    assert preview.options.csv.names == ("date", "time", "cs-method")


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("id,_batch_id,id", ("id", "batch_id", "id_2")),
        ("column_3,name,", ("column_3", "name", "column_3_2")),
    ],
)
def test_header_that_the_ingest_refuses_is_read_as_a_record(
    bucket: Bucket, header: str, names: tuple[str, ...]
) -> None:
    bucket.put("x/a.csv", f"{header}\n1,a,2\n2,b,3\n".encode())

    preview = bucket.preview("x/")

    assert (preview.header, preview.options.csv.names) == (tuple(header.split(",")), names)
    assert list(types(preview).values()) == ["long", "string", "long"]
    assert (preview.objects[0].rows, preview.objects[0].rejected) == (2, 1)


def test_document_with_a_single_row_has_its_rows_where_the_others_have_them(bucket: Bucket) -> None:
    bucket.put("x/1.json", json.dumps({"list": ROWS}).encode())
    bucket.put("x/2.json", json.dumps({"list": ROWS[:1]}).encode())
    bucket.put("x/3.json", json.dumps({"list": []}).encode())

    assert len(bucket.preview("x/").notes) == 1


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b",name,at\n0,a,5\n1,b,6\n", {"column_1": "long", "name": "string", "at": "long"}),
        (b",name\n0,a\n1,b\n", {"column_1": "long", "name": "string"}),
        (b"id,name,,\n1,a,,\n2,b,,\n", {"id": "long", "name": "string", "column_3": None, "column_4": None}),
        (b"id;name;\n1;a;true\n2;b;false\n", {"id": "long", "name": "string", "column_3": "boolean"}),
    ],
)
def test_fields_without_a_name_are_called_by_their_place(
    bucket: Bucket, body: bytes, found: dict[str, str | None]
) -> None:
    bucket.put("x/a.csv", body)

    preview = bucket.preview("x/")

    assert types(preview) == found
    assert (preview.header, preview.options.csv.names, preview.notes) == (None, None, ())
    assert (preview.objects[0].rows, preview.objects[0].rejected) == (2, 0)


@pytest.mark.parametrize("mark", [b"sep=;\r\n", b"\xef\xbb\xbfSEP=;\n", b'"sep=;"\n'])
def test_first_line_of_excel_tells_the_delimiter(bucket: Bucket, mark: bytes) -> None:
    bucket.put("x/a.csv", mark + b"id;name\r\n1;a,b\r\n2;c,d\r\n")

    preview = bucket.preview("x/")

    assert (preview.options.csv.delimiter, preview.notes) == (";", ())
    assert types(preview) == {"id": "long", "name": "string"}
    assert preview.objects[0].rows == 2


def test_first_line_of_excel_is_for_its_own_file(bucket: Bucket) -> None:
    bucket.put("x/a.csv", b"sep=;\nid;name\n1;a\n")
    bucket.put("x/b.csv", b"sep=;\nid;name\n2;a\n")
    bucket.put("x/c.csv", b"id,name\n3,a\n")

    preview = bucket.preview("x/")

    assert (preview.options.csv.delimiter, preview.notes) == (",", ())
    assert [one.rows for one in preview.objects] == [1, 1, 1]


def test_nothing_in_quotes_is_null_among_all_but_text(bucket: Bucket) -> None:
    body = b'"Id","Employees","Day","Code","Note"\n"a","1","2026-11-20","","x"\n"b","","","",""\n'
    bucket.put("x/a.csv", body)  # as Salesforce and others, who quote all

    preview = bucket.preview("x/")

    assert preview.options.csv.null_values == ()
    assert types(preview) == {
        "Id": "string",
        "Employees": "long",
        "Day": "date",
        "Code": None,
        "Note": "string",
    }
    assert [one.null_rows for one in preview.columns] == [0, 1, 1, 2, 0]
    assert [one.examples for one in preview.columns] == [("a", "b"), ("1",), ("2026-11-20",), (), ("x",)]
    assert [row["Employees"] for row in preview.rows] == ["1", None]


@pytest.mark.parametrize(
    "top",
    [
        "Report of 2026-11-20\n\n",
        "Report of 2026-11-20\n",
        "Report of 2026-11-20,,\n",
        '"Report, of May",,\n,,\n',
    ],
)
def test_title_above_the_header_is_reported_once(bucket: Bucket, top: str) -> None:
    for name in ("a", "b"):
        bucket.put(f"x/{name}.csv", f"{top}id,name,day\n1,a,2026-11-20\n2,b,2026-11-21\n".encode())

    (note,) = bucket.preview("x/").notes

    assert note.startswith("x/a.csv (and 1 more): its first line, 'Report")
    assert "looks like a title" in note


def test_null_of_database_dumps_is_null_in_text_too(bucket: Bucket) -> None:
    bucket.put("x/a.tsv", b"1\tanna\t\\N\n2\t\\N\t\\N\n")

    preview = bucket.preview("x/")

    assert preview.options.csv.null_values == ("\\N",)
    assert [one.null_rows for one in preview.columns] == [0, 1, 2]
