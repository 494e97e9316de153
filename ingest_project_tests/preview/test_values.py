"""Types and values that a preview finds, and how it shows them."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ingest_project_tests.preview.factories import Bucket, column, types, written


def test_values_of_all_kinds_are_shown(bucket: Bucket) -> None:
    frame = pl.DataFrame(
        {"d": [Decimal("1.50")], "b": [b"\x00\xff"], "t": [date(2026, 11, 20)], "l": [[1, None]]}
    )
    bucket.put("x/a.parquet", written(frame.write_parquet))

    (row,) = bucket.preview("x/").rows

    assert row == {"d": "1.50", "b": "0x00ff", "t": "2026-11-20", "l": "[1, null]"}


def test_a_few_texts_among_the_numbers_of_csv_do_not_make_text_of_them(bucket: Bucket) -> None:
    numbers = "".join(f"{number},{number}.50\n" for number in range(150))
    bucket.put("x/1.csv", f"id,amount\n{numbers}".encode())
    bucket.put("x/2.csv", f"id,amount\n{numbers}9,cheap\n".encode())

    found = column(bucket.preview("x/"), "amount")

    assert found.type == "decimal(18,2)"
    assert found.notes[0] == "1 of 301 values are not of type double, such as cheap: they would be bad rows"
    assert column(bucket.preview("x/"), "id").type == "long"


@pytest.mark.parametrize(("text", "type_name"), [("00501", "string"), ("+5", "long"), ('""', "long")])
def test_digits_of_another_file_with_leading_zeros_make_codes_of_numbers(
    bucket: Bucket, text: str, type_name: str
) -> None:
    bucket.put("x/a.csv", b"id,c\n1,1\n2,2\n")
    bucket.put("x/b.csv", f'id,c\n1,{text}\n2,""\n'.encode())

    assert types(bucket.preview("x/")) == {"id": "long", "c": type_name}


def test_many_texts_among_the_numbers_of_csv_make_text_of_them(bucket: Bucket) -> None:
    bucket.put("x/1.csv", b"id,code\n1,1\n2,2\n")
    bucket.put("x/2.csv", b"id,code\n3,A7\n")

    assert column(bucket.preview("x/"), "code").type == "string"


def test_numbers_are_shown_as_the_file_writes_them(bucket: Bucket) -> None:
    bucket.put("j/a.ndjson", b'{"v": 1, "n": {"v": 1}}\n{"v": 2.50, "n": {"v": 2.5, "w": 1}}\n{"v": 3e2}\n')
    bucket.put("c/a.csv", b"v,w\n1,12.50\n2.5,3.00\n")

    json_, csv = bucket.preview("j/"), bucket.preview("c/")

    assert types(json_) == {"v": "double", "n": "struct<v: double, w: long>"}
    assert column(json_, "v").examples == ("1", "2.50", "3e2")
    assert json_.rows[0] == {"v": "1", "n": '{"v": 1}'}
    assert column(csv, "v").examples == ("1", "2.5")
    assert csv.rows[1] == {"v": "2.5", "w": "3.00"}
