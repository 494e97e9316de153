from dataclasses import replace
from typing import get_args

import pytest

from ingest_project.reading.parse import Reading
from ingest_project.reading.target import Target
from ingest_project.settings.formats import TableFormat
from ingest_project.sources.s3.fetched import FetchedObject
from ingest_project_tests.reading.factories import fetched, object_version, read_objects, values

FORMATS: tuple[TableFormat, ...] = get_args(TableFormat)


def under(key: str, body: bytes) -> FetchedObject:
    return replace(fetched(body)[0], object=object_version(key, version_id="v"))


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("orders/", b""),
        ("orders/_SUCCESS", b""),
        ("orders/_SUCCESS", b'{"name": "org.apache.hadoop.fs.s3a.commit.files.SuccessData/1"}'),
        ("_SUCCESS", b"\x00"),
        ("orders/part-0", b""),
    ],
)
def test_markers_and_empty_objects_have_no_rows_in_any_format(
    file_format: TableFormat, key: str, body: bytes
) -> None:
    result = read_objects([under(key, body)], Reading(file_format, Target(None)))

    assert (list(result.rows.values()), result.failures) == ([0], ())


@pytest.mark.parametrize("key", ["orders/", "orders/_SUCCESS.txt", "_SUCCESS/part"])
def test_what_is_no_marker_is_read(key: str) -> None:
    result = read_objects([under(key, b"1\n")], Reading("text", Target(None)))

    assert values(result, "line") == ["1"]
