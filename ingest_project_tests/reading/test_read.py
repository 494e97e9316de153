import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.errors import ObjectFaultUnknown
from ingest_project.reading import portions as portions_module
from ingest_project.reading import read as read_module
from ingest_project.reading.bad_rows.good_rows import Tolerated
from ingest_project.reading.content import Content
from ingest_project.reading.formats.json import lines as lines_module
from ingest_project.reading.formats.json.ndjson import read_ndjson
from ingest_project.reading.parse import Reading
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.target import Target
from ingest_project_tests.reading.factories import (
    fetched,
    object_version,
    read,
    read_objects,
    reasons,
    values,
)

LINES = st.lists(st.sampled_from([b'{"n":%d}', b"", b" \t", b'{"n":%d} ']), max_size=6)
LINE_ENDS = st.sampled_from([b"\n", b"\r\n"])


@st.composite
def ndjson_objects(draw: st.DrawFn) -> list[tuple[bytes, list[int]]]:
    """Bodies and the numbers in their rows: with blanks, CRLF, marks, any last line end, some compressed."""
    objects: list[tuple[bytes, list[int]]] = []
    number = 0
    for lines in draw(st.lists(LINES, max_size=6)):
        numbers = range(number, number + sum(b"%d" in line for line in lines))
        number = numbers.stop
        remaining = iter(numbers)
        filled = [line % next(remaining) if b"%d" in line else line for line in lines]
        end = draw(LINE_ENDS)
        body = (
            draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
            + end.join(filled)
            + draw(st.sampled_from([b"", end]))
        )
        objects.append((gzip.compress(body) if draw(st.booleans()) else body, list(numbers)))
    return objects


@given(objects=ndjson_objects(), bad=st.sets(st.integers(0, 6)))
def test_rows_in_are_rows_out_with_their_own_provenance(
    objects: list[tuple[bytes, list[int]]], bad: set[int]
) -> None:
    bodies = [b'{"n":"no"}\n' + b'{"n":1}\n' if i in bad else body for i, (body, _) in enumerate(objects)]
    expected = {f"v{i}": numbers for i, (_, numbers) in enumerate(objects) if i not in bad}

    result = read(*bodies, columns={"n": "long"})

    assert list(reasons(result)) == [str(i) for i in range(len(objects)) if i in bad]
    assert {object_.version: count for object_, count in result.rows.items()} == {
        version: len(numbers) for version, numbers in expected.items()
    }
    if result.frame is not None:
        rows = result.frame.select("_source_version", "n").rows()
        assert rows == [(version, number) for version, numbers in expected.items() for number in numbers]


def test_columns_stand_in_the_order_of_the_table_then_new_ones_then_provenance() -> None:
    result = read(b'{"z":1,"b":2,"a":3}', columns={"a": "long", "b": "int"}, allow_new_columns=True)

    assert result.frame is not None
    assert result.frame.columns == ["a", "b", "z", "_source_uri", "_source_version"]
    assert result.frame.row(0) == (3, 2, 1, "s3://landing/0", "v0")


def test_provenance_columns_of_the_table_are_not_looked_for_in_files() -> None:
    columns = {"a": "long", "_source_uri": "string", "_batch_id": "string", "_ingested_at": "timestamptz"}

    result = read(b'{"a":1}', columns=columns)

    assert result.frame is not None
    assert result.frame.columns == ["a", "_source_uri", "_source_version"]


def test_version_falls_back_to_sequencer_and_etag_and_the_key_is_not_encoded() -> None:
    (one,) = fetched(b"{}")
    objects = [
        replace(one, object=object_version("a b+c é%2B.json", sequencer="00A", etag="e")),
        replace(one, object=object_version("k", etag="e")),
    ]

    result = read_objects(objects, Reading("ndjson", Target({}, "fail")))

    assert values(result, "_source_uri") == ["s3://landing/a b+c é%2B.json", "s3://landing/k"]
    assert values(result, "_source_version") == ["00A", "e"]


def test_rows_without_any_column_are_still_rows() -> None:
    result = read(b"{}\n{}", columns=None)

    assert values(result, "_source_version") == ["v0", "v0"]


@pytest.mark.parametrize("columns", [None, {"a": "long"}])
def test_nothing_to_read_is_no_frame(columns: dict[str, str] | None) -> None:
    result = read(columns=columns)

    assert (result.frame, result.rows, result.failures) == (None, {}, ())


def test_if_all_fail_there_is_no_frame() -> None:
    result = read(b"x", gzip.compress(b"{}")[:-1], columns={"a": "long"})

    assert result.frame is None
    assert sorted(reasons(result)) == ["0", "1"]


def test_a_type_that_cannot_be_read_is_the_table_s_fault_not_the_object_s() -> None:
    with pytest.raises(ValueError, match="variant"):
        read(b"{}", columns={"id": "variant"})


def test_bad_objects_are_found_wherever_they_are_among_many() -> None:
    bodies = [json.dumps({"a": number}).encode() for number in range(300)]
    for number in (0, 7, 8, 150, 299):
        bodies[number] = b'{"a":"no"}'

    result = read(*bodies, columns={"a": "long"})

    assert list(reasons(result)) == ["0", "7", "8", "150", "299"]
    assert values(result, "a") == [number for number in range(300) if number not in (0, 7, 8, 150, 299)]


FAULTS = {
    "a bug": RuntimeError("the file says AKIASECRET"),
    "a panic": pl.exceptions.PanicException("the file says AKIASECRET"),
    "memory": MemoryError(),
    "a value error": ValueError("the file says AKIASECRET"),
}


class Reader:
    """A reader that fails on bodies that hold a word."""

    def __init__(self, fault: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
        self._fault = fault
        monkeypatch.setattr(lines_module, "read_ndjson", self)

    def __call__(self, bodies: Sequence[bytes], *arguments: Any, **named: Any) -> Parsed:
        if any(b"poison" in body for body in bodies):
            raise self._fault
        return read_ndjson(bodies, *arguments, **named)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_that_nobody_foresaw_fails_its_object_alone_and_quotes_nothing(
    fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    Reader(fault, monkeypatch)
    bodies = [b'{"a":1}', b'{"a":2,"b":"poison"}', b'{"a":3}', b'{"a":4}']

    result = read(*bodies, columns={"a": "long", "b": "string"})

    assert values(result, "a") == [1, 3, 4]
    (reason,) = reasons(result).items()
    assert reason[0] == "1"
    assert reason[1].startswith(f"unknown: {type(fault).__name__} at reading/")


def test_a_fault_of_the_decompression_fails_its_object_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpack(body: bytes, uri: str, *, room_bytes: int, own_zip: Sequence[str]) -> tuple[bytes, ...]:
        if body == b"bad":
            raise RecursionError
        return (body,)

    monkeypatch.setattr(portions_module, "unpack_within", unpack)

    result = read(b'{"a":1}', b"bad", columns={"a": "long"})

    assert values(result, "a") == [1]
    assert list(reasons(result)) == ["1"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_no_fault_of_an_object(
    stop: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    Reader(stop(), monkeypatch)

    with pytest.raises(stop):
        read(b"poison", columns={"a": "long"})


def test_objects_that_fail_only_together_are_not_blamed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_few(bodies: Sequence[bytes], *arguments: Any, **named: Any) -> Parsed:
        if len(bodies) > 2:
            raise MemoryError
        return read_ndjson(bodies, *arguments, **named)

    monkeypatch.setattr(lines_module, "read_ndjson", read_few)

    with pytest.raises(ObjectFaultUnknown, match="4 objects"):
        read(*[b'{"a":1}'] * 4, columns={"a": "long"})


@pytest.mark.parametrize("quarantines", [False, True])
def test_twin_columns_of_two_objects_never_get_into_one_table(*, quarantines: bool) -> None:
    bodies = [b'{"id":1}\n', b'{"ID":2}\n', b'{"id":3}\nnot json\n', b'{"id":4}\n']
    reading = Reading("ndjson", Target(None), quarantines=quarantines)

    result = read_objects(fetched(*bodies), reading)

    assert result.frame is not None
    assert result.frame.columns == ["id", "_source_uri", "_source_version"]
    assert set(reasons(result)) == ({"1"} if quarantines else {"1", "2"})
    assert "'ID' differs only in case from 'id' of most files" in reasons(result)["1"]


def test_twin_fields_that_two_objects_bring_into_a_struct_never_get_into_one_table() -> None:
    bodies = [b'{"v":{"a":1,"new":2}}\n', b'{"v":{"a":1,"New":2}}\n', b'{"v":{"a":1,"new":3}}\n']
    reading = Reading("ndjson", Target({"v": "struct<a: long>"}))

    result = read_objects(fetched(*bodies), reading)

    assert values(result, "v") == [{"a": 1, "new": 2}, {"a": 1, "new": 3}]
    assert "'v.New' differs only in case from 'v.new' of most files" in reasons(result)["1"]


def test_an_object_that_was_neither_read_nor_refused_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_contents: Sequence[Content], _reading: Reading) -> Tolerated:
        return Tolerated(pl.DataFrame(), {}, ())

    monkeypatch.setattr(read_module, "read_tolerantly", nothing)

    result = read(b"x\n", columns={"a": "long"})

    assert reasons(result) == {"0": "unknown: it was neither read nor refused"}
