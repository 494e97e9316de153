"""Which objects are read together, which are streamed, and what becomes of those that fail."""

import bz2
import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import orc
from pyarrow import parquet as pq

from ingest_project.errors import ObjectError, ObjectFaultUnknown, ObjectTooLarge, ObjectUnreadable
from ingest_project.reading import portions as portions_module
from ingest_project.reading.content import Content
from ingest_project.reading.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.reading.formats import record_cutter
from ingest_project.reading.limits import Limits, PieceLimits, PortionLimits, StepLimits
from ingest_project.reading.pieces import Cutting
from ingest_project.reading.portions import Streamed, Together, portions
from ingest_project.settings.formats import TableFormat
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.store import ObjectStore
from ingest_project.sources.source import StoredBody
from ingest_project_tests.reading.archives import zipped
from ingest_project_tests.reading.factories import object_version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SMALL = PortionLimits(stored_bytes=100, content_bytes=200, piece=PieceLimits(piece_bytes=50))
LINE = b'{"a":1}\n'


@pytest.fixture(autouse=True)
def rows_count_what_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row may be as short as a test likes."""
    monkeypatch.setattr(record_cutter, "LIMITS", Limits(step=StepLimits(row_bytes=1)))


class Bucket:
    """Objects that are put under the names of their places, and told as S3 would tell them."""

    def __init__(self, s3: "S3Client", store: ObjectStore) -> None:
        self.s3 = s3
        self.store = store

    def put(self, *bodies: bytes) -> list[ObjectVersion]:
        return [self._put(str(place), body) for place, body in enumerate(bodies)]

    def _put(self, key: str, body: bytes) -> ObjectVersion:
        etag = self.s3.put_object(Bucket="landing", Key=key, Body=body)["ETag"].strip('"')
        told = object_version(key, etag=etag)
        return ObjectVersion(told.bucket, key, len(body), told.event_time, etag=etag)

    def portions(
        self,
        objects: Sequence[ObjectVersion],
        file_format: TableFormat = "ndjson",
        *,
        max_object_bytes: int = 10**6,
        options: FormatOptions = DEFAULT_OPTIONS,
        limits: PortionLimits = SMALL,
    ) -> Iterator[Together | Streamed]:
        return portions(
            objects,
            self.store,
            format=file_format,
            options=options,
            max_object_bytes=max_object_bytes,
            limits=limits,
        )


@pytest.fixture
def bucket(s3: "S3Client", store: ObjectStore) -> Bucket:
    return Bucket(s3, store)


def shape(found: Iterator[Together | Streamed]) -> list[str]:
    """The keys of each group, failed ones with their error class; a streamed object in brackets."""
    told: list[str] = []
    for portion in found:
        if isinstance(portion, Streamed):
            told.append(f"[{portion.object.key}]")
        else:
            failed = [f"{one.object.key}!{one.error.error_class}" for one in portion.failures]
            told.append(" ".join([*(content.object.key for content in portion.contents), *failed]))
    return told


def bodies(found: Iterator[Together | Streamed]) -> dict[str, list[bytes]]:
    told: dict[str, list[bytes]] = {}
    for portion in found:
        contents = portion.pieces if isinstance(portion, Streamed) else portion.contents
        for content in contents:
            told.setdefault(content.object.key, []).extend(
                body for body in content.bodies if isinstance(body, bytes)
            )
    return told


def test_small_objects_come_together_and_a_large_one_in_pieces(bucket: Bucket) -> None:
    objects = bucket.put(LINE * 5, LINE * 7, LINE * 1, LINE * 20, LINE, LINE)

    assert shape(bucket.portions(objects)) == ["0 1", "2 4 5", "[3]"]
    found = bodies(bucket.portions(objects))
    assert {key: b"".join(of_key) for key, of_key in found.items()} == {
        "0": LINE * 5, "1": LINE * 7, "2": LINE, "3": LINE * 20, "4": LINE, "5": LINE,
    }  # fmt: skip


def test_what_objects_expand_to_divides_a_group(bucket: Bucket) -> None:
    objects = bucket.put(*(gzip.compress(LINE * count, mtime=0) for count in (15, 15, 30, 1, 2)))
    assert sum(one.size_bytes for one in objects[:3]) <= 100 < 30 * len(LINE)

    assert shape(bucket.portions(objects)) == ["0", "1", "[2]", "3 4"]


def test_failures_are_told_in_their_group(bucket: Bucket) -> None:
    objects = bucket.put(LINE, gzip.compress(LINE)[:-3], LINE)
    missing = object_version("gone")

    (group,) = bucket.portions([objects[0], missing, *objects[1:]])

    assert isinstance(group, Together)
    assert [content.object.key for content in group.contents] == ["0", "2"]
    assert {one.object.key: one.error.error_class for one in group.failures} == {
        "gone": "missing", "1": "unreadable",
    }  # fmt: skip


def test_a_group_of_nothing_but_failures_is_told(bucket: Bucket) -> None:
    assert shape(bucket.portions([object_version("gone")])) == ["gone!missing"]


def test_no_objects_are_no_portions(bucket: Bucket) -> None:
    assert shape(bucket.portions([])) == []


def test_a_large_object_that_fails_raises_at_its_piece(bucket: Bucket) -> None:
    objects = bucket.put(LINE * 20, bz2.compress(bytes(range(256)) * 4)[:-5])
    missing = object_version("gone")
    large = ObjectVersion(missing.bucket, missing.key, 1000, missing.event_time)

    refused, *found = list(bucket.portions([*objects, large], max_object_bytes=159))

    assert shape(iter([refused])) == ["gone!missing"]
    errors = []
    for portion in found:
        assert isinstance(portion, Streamed)
        with pytest.raises(ObjectError) as raised:
            list(portion.pieces)
        errors.append(type(raised.value).__name__)
    assert errors == ["ObjectTooLarge", "ObjectTooLarge"]
    (_, cut_short) = bucket.portions(objects)
    assert isinstance(cut_short, Streamed)
    with pytest.raises(ObjectUnreadable, match="truncated"):
        list(cut_short.pieces)


def test_an_object_larger_than_its_event_told_is_streamed_all_the_same(bucket: Bucket) -> None:
    small, lied = bucket.put(LINE, LINE * 20)
    told = ObjectVersion(lied.bucket, lied.key, 0, lied.event_time, etag=lied.etag)

    assert shape(bucket.portions([told, small])) == ["0", "[1]"]
    assert shape(bucket.portions([told], max_object_bytes=90)) == ["1!too_large"]


@pytest.mark.parametrize("told_bytes", [0, 1, 10**6, 2**63 - 1])
def test_what_is_held_at_once_is_bounded_by_the_sizes_that_s3_answers(
    bucket: Bucket, told_bytes: int
) -> None:
    objects = [replace(one, size_bytes=told_bytes) for one in bucket.put(*[LINE * 5] * 20)]

    found = shape(bucket.portions(objects))

    assert sorted(key for group in found for key in group.split()) == sorted(str(one) for one in range(20))
    assert {len(group.split()) for group in found} == {2}  # of 40 bytes each, within 100


def test_a_size_that_is_told_too_large_keeps_no_small_object_from_the_others(bucket: Bucket) -> None:
    objects = [replace(one, size_bytes=2**63 - 1) for one in bucket.put(LINE, LINE, LINE)]

    assert shape(bucket.portions(objects)) == ["0 1 2"]
    assert shape(bucket.portions(objects, max_object_bytes=8)) == ["0 1 2"]


def test_large_objects_of_binary_are_fetched_one_by_one_whatever_their_events_tell(bucket: Bucket) -> None:
    objects = [replace(one, size_bytes=0) for one in bucket.put(b"x" * 150, b"y", b"z" * 150, b"z" * 150)]

    found = [portion for portion in bucket.portions(objects, "binary") if isinstance(portion, Together)]

    held = [sum(len(body) for one in portion.contents for body in one.bodies) for portion in found]
    assert sorted(held) in ([1, 150, 150, 150], [150, 150, 151])  # whichever S3 answers first is read


def test_binary_is_never_streamed(bucket: Bucket) -> None:
    objects = bucket.put(b"x" * 500, b"y", gzip.compress(b"z", mtime=0))

    assert bodies(bucket.portions(objects, "binary")) == {
        "0": [b"x" * 500], "1": [b"y"], "2": [gzip.compress(b"z", mtime=0)],
    }  # fmt: skip
    limits = replace(SMALL, whole_object_bytes=499)
    assert shape(bucket.portions(objects, "binary", limits=limits)) == ["1 2 0!too_large"]


@pytest.mark.parametrize(
    "file_format", ["ndjson", "json", "csv", "parquet", "avro", "ipc", "orc", "excel", "text", "binary"]
)
def test_what_holds_no_rows_is_one_empty_body(bucket: Bucket, file_format: TableFormat) -> None:
    objects = bucket.put(b"", zipped({})) if file_format != "binary" else bucket.put(b"")
    mark = bucket._put("in/_SUCCESS", b"x" * 500)

    found = bodies(bucket.portions([*objects, mark], file_format))

    assert set(map(tuple, found.values())) == {(b"",)}
    assert len(found) == len(objects) + 1


def test_documents_become_lines_whether_they_are_streamed_or_not(bucket: Bucket) -> None:
    options = FormatOptions(json_path=("data",))
    objects = bucket.put(
        b'{"data": [{"a": 1},\n{"a": 2}]}', b'{"data": [' + b'{"a": 3},' * 12 + b'{"a": 4}]}', b"["
    )

    found = list(bucket.portions(objects, "json", options=options))

    assert shape(iter(found)) == ["0 2!unreadable", "[1]"]
    assert bodies(iter(found))["1"] == [b'{"a": 3}\n' * 12, b'{"a": 4}\n']


@pytest.mark.parametrize(("file_format", "write"), [("parquet", pq.write_table), ("orc", orc.write_table)])
def test_a_small_file_of_many_rows_is_streamed(
    bucket: Bucket, file_format: TableFormat, write: Callable[[pa.Table, io.BytesIO], None]
) -> None:
    sink = io.BytesIO()
    write(pa.table({"a": [1] * 100_000}), sink)
    objects = bucket.put(sink.getvalue())
    limits = PortionLimits(stored_bytes=10**6, content_bytes=10**5, piece=PieceLimits(piece_bytes=10**5))

    (streamed,) = bucket.portions(objects, file_format, limits=limits)

    assert isinstance(streamed, Streamed)
    contents = list(streamed.pieces)
    frames = [body for content in contents for body in content.bodies if isinstance(body, pl.DataFrame)]
    assert sum(frame.height for frame in frames) == 100_000
    assert max(frame.estimated_size() for frame in frames) < 2 * 10**5


def test_what_nobody_foresaw_is_a_fault_of_its_object(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pieces(source: StoredBody, cutting: Cutting) -> Iterator[Content]:
        raise RuntimeError("secret")
        yield

    monkeypatch.setattr(portions_module, "pieces", pieces)
    (streamed,) = bucket.portions(bucket.put(LINE * 20))

    assert isinstance(streamed, Streamed)
    with pytest.raises(ObjectFaultUnknown, match="RuntimeError at") as raised:
        list(streamed.pieces)
    assert "secret" not in str(raised.value)


def test_binary_above_the_limit_fails_as_too_large(bucket: Bucket) -> None:
    (group,) = bucket.portions(bucket.put(b"x" * 500), "binary", max_object_bytes=499)

    assert isinstance(group, Together)
    assert [type(one.error) for one in group.failures] == [ObjectTooLarge]
