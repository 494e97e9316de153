import gzip
import hashlib

import pytest

from ingest_project_tests.reading.archives import zipped
from ingest_project_tests.reading.factories import WRITTEN_AT, read, values

COLUMNS = {
    "content": "binary",
    "size_bytes": "long",
    "last_modified": "timestamptz",
    "content_sha256": "string",
}


@pytest.mark.parametrize("columns", [None, COLUMNS])
def test_each_object_is_a_row_of_its_stored_bytes_and_what_is_known_of_them(
    columns: dict[str, str] | None,
) -> None:
    bodies = [b"\x00\xff", gzip.compress(b"x"), zipped({"a": b"1", "b": b"2"}), b"PAR1"]

    result = read(*bodies, columns=columns, file_format="binary")

    assert result.failures == ()
    assert result.frame is not None
    assert result.frame.columns == [*COLUMNS, "_source_uri", "_source_version"]
    assert values(result, "content") == bodies
    assert values(result, "size_bytes") == [len(body) for body in bodies]
    assert values(result, "last_modified") == [WRITTEN_AT] * 4
    assert values(result, "content_sha256") == [hashlib.sha256(body).hexdigest() for body in bodies]
    assert list(result.rows.values()) == [1] * 4


def test_an_object_without_bytes_has_no_row() -> None:
    result = read(b"", b"x", b"", columns=COLUMNS, file_format="binary")

    assert list(result.rows.values()) == [0, 1, 0]
    assert values(result, "_source_version") == ["v1"]
