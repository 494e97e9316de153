"""Dialects and paths that only the files of a few programs have."""

import json

import pytest

from ingest_project_tests.preview.factories import Bucket, problems, types

ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def test_names_of_a_log_file_are_those_of_its_comment(bucket: Bucket) -> None:
    bucket.put("x/a", b"#Version: 1.0\n#Fields: date time cs-method\n2026-11-20\t13:00:00\tGET\n")

    preview = bucket.preview("x/")

    assert types(preview) == {"date": "date", "time": "time", "cs-method": "string"}
    assert preview.options.csv.names == ("date", "time", "cs-method")


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("id,name,", ("id", "name", "column_3")),
        (",name,at", ("column_1", "name", "at")),
        ("id,_batch_id,id", ("id", "batch_id", "id_2")),
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


def test_first_line_that_excel_alone_knows_is_told(bucket: Bucket) -> None:
    bucket.put("x/a.csv", b"sep=;\r\nid;name\r\n1;a\r\n")

    assert "`sep=`, is for Excel alone" in problems(bucket.preview("x/"))["x/a.csv"]


def test_nothing_in_quotes_is_null_among_numbers(bucket: Bucket) -> None:
    bucket.put("x/a.csv", b'"Id","Employees"\n"a","1"\n"b",""\n')  # as Salesforce and others, who quote all
    bucket.put("y/a.csv", b'"Id","Note"\n"1","x"\n"2",""\n')

    assert bucket.preview("x/").options.csv.null_values == ("",)
    assert types(bucket.preview("x/")) == {"Id": "string", "Employees": "long"}
    assert bucket.preview("y/").options.csv.null_values == ()


def test_null_of_database_dumps_is_null_in_text_too(bucket: Bucket) -> None:
    bucket.put("x/a.tsv", b"1\tanna\t\\N\n2\t\\N\t\\N\n")

    preview = bucket.preview("x/")

    assert preview.options.csv.null_values == ("\\N",)
    assert [one.null_rows for one in preview.columns] == [0, 1, 2]
