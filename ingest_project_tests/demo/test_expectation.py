"""What must be in the tables is told from the uploads alone, and every way of missing it is named."""

import hashlib

from ingest_project.demo.expectation import Expectation, expectation
from ingest_project_tests.demo.factories import BUCKET, TABLE, source_rows, upload

OLD, NEW = (hashlib.md5(body, usedforsecurity=False).hexdigest() for body in (b"old", b"new"))


def expected() -> Expectation:
    uploads = [upload("a", b"old"), upload("b", b"old"), upload("a", b"new", rows=12), upload("c", rows=None)]
    return expectation(uploads, bucket=BUCKET, tables=[TABLE])


def test_the_last_write_of_a_key_counts_and_unreadable_ones_bring_no_rows() -> None:
    assert expected().rows(TABLE) == 22
    assert expected().objects(TABLE) == 2
    assert expected().unreadable == 1


def test_the_expected_rows_in_several_batches_are_not_a_difference() -> None:
    found = [source_rows("a", NEW, 5), source_rows("a", NEW, 7), source_rows("b", OLD)]

    assert expected().differences(TABLE, found) == []


def test_bad_rows_are_expected_in_quarantine_until_the_key_is_written_again() -> None:
    uploads = [upload("a", b"old", bad_rows=2), upload("b", b"old", bad_rows=3), upload("b", b"new")]
    bad = expectation(uploads, bucket=BUCKET, tables=[TABLE])

    assert bad.rows(f"{TABLE}__quarantine") == 2
    assert bad.differences(f"{TABLE}__quarantine", [source_rows("a", OLD, 2)]) == []
    assert bad.differences(f"{TABLE}__quarantine", []) == [
        f"{TABLE}__quarantine: rows are missing of 1 object: s3://{BUCKET}/a"
    ]


def test_a_missing_object_is_named() -> None:
    assert expected().differences(TABLE, [source_rows("a", NEW, 12)]) == [
        f"{TABLE}: rows are missing of 1 object: s3://{BUCKET}/b"
    ]


def test_rows_of_an_overwritten_version_are_surplus() -> None:
    found = [source_rows("a", OLD), source_rows("a", NEW, 12), source_rows("b", OLD)]

    assert expected().differences(TABLE, found) == [
        f"{TABLE}: rows should not be there of 1 object: s3://{BUCKET}/a"
    ]


def test_rows_that_are_there_twice_are_wrong() -> None:
    found = [source_rows("a", NEW, 12), source_rows("b", OLD, 20)]

    assert expected().differences(TABLE, found) == [
        f"{TABLE}: rows are wrong of 1 object: s3://{BUCKET}/b (20 instead of 10)"
    ]


def test_many_missing_objects_are_counted_and_a_few_of_them_named() -> None:
    many = expectation([upload(f"{number}") for number in range(9)], bucket=BUCKET, tables=[TABLE])

    (line,) = many.differences(TABLE, [])

    assert line.startswith(f"{TABLE}: rows are missing of 9 objects: ")
    assert line.endswith(f"s3://{BUCKET}/2 and 6 more")
