"""Whatever bytes an object holds, a sample of it ends: with rows, or with the reason why there are none."""

import gzip
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.preview.columns import found_columns
from ingest_project.preview.rows import read_rows
from ingest_project.preview.sampling import Sample, take_sample
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project_tests.preview.test_preview import FORMATS
from ingest_project_tests.sources.factories import object_version

STARTS = [
    *FORMATS.values(),
    b'\xef\xbb\xbf{"a": 1}\n{"a": [1, {"b": null}]}\n',
    'id;"größe\n";x\r\n1;2;3\r\n'.encode("utf-16"),
    b'{"data": {"items": [{"id": 1}, {"id": "x"}, {"id": {}}]}}',
    b"# c\n1,2\n\n3,'a,b'\n",
    gzip.compress(b'{"a": 1}\n' * 10),
    b"[" * 2_000,
    b'{"a":' * 2_000,
    b'{"a": 1e999, "b": 123456789012345678901234567890, "": 1, "a": 2}\n',
    b"a,a,\n1,2,3\n",
    b'"',
    b"\x00",
]
edits = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.binary(min_size=1, max_size=8)), max_size=5
)


def damaged(body: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """The body with parts overwritten, added or left out, and perhaps cut short."""
    for place, kind, part in changes:
        start = place % (len(body) + 1)
        end = start + (len(part) if kind == 0 else 0 if kind == 1 else 3)
        body = body[:start] if kind == 3 else body[:start] + (b"" if kind == 2 else part) + body[end:]
    return body


def sample(monkeypatch: pytest.MonkeyPatch, bodies: dict[ObjectVersion, bytes]) -> Sample:
    def read(_: Any, one: ObjectVersion, start: int, length: int) -> bytes:
        return bodies[one][start : start + length]

    monkeypatch.setattr("ingest_project.preview.heads.read_range", read)
    return take_sample(Aws(AwsSettings()), list(bodies))


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(STARTS), edits), min_size=1, max_size=3))
def test_no_bytes_stop_a_preview(
    monkeypatch: pytest.MonkeyPatch, made: list[tuple[bytes, list[tuple[int, int, bytes]]]]
) -> None:
    bodies = {}
    for number, (start, changes) in enumerate(made):
        body = damaged(start, changes)
        bodies[object_version(f"x/{number}", size_bytes=len(body))] = body

    found = sample(monkeypatch, bodies)

    columns = found_columns(found.rows)
    assert len(found.objects) == len(bodies)
    assert all((one.rows is None) == (one.problem is not None) for one in found.objects)
    assert all(one.null_rows <= one.rows for one in columns)


def test_unexpected_exception_affects_only_its_object(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = object_version("x/1", size_bytes=8), object_version("x/2", size_bytes=8)
    bodies = {first: b'{"a": 1}', second: b'{"a": 2}'}

    def fail(head: Any, read_as: Any) -> Any:
        if head.object == first:
            raise MemoryError
        return read_rows(head, read_as)

    monkeypatch.setattr("ingest_project.preview.sampling.read_rows", fail)

    found = sample(monkeypatch, bodies)

    assert "MemoryError" in (found.objects[0].problem or "")
    assert found.objects[1].rows == 1
