import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.json.pieces import as_ndjson
from ingest_project.reading.read import ReadResult
from ingest_project_tests.reading.factories import read, reasons, values


def read_json(*bodies: bytes, path: str = "data.items") -> ReadResult:
    options = FormatOptions(json_path=tuple(path.split(".")))
    return read(*bodies, columns={"a": "decimal(20,2)"}, file_format="json", options=options)


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'{"n":0,"data":{"x":[1],"items":[{"a":1},\n {"a":2}]},"next":null}', [1, 2]),
        (b'{"data":{"items":{"a":1}}}', [1]),
        (b'{"data":{"items":[{"a":1}]}}\n{"data":{"items":[{"a":2}]}}', [1, 2]),
        (b'[{"data":{"items":[{"a":1}]}},{"data":{"items":{"a":2}}}]', [1, 2]),
        (b'\xef\xbb\xbf{ "d\\u0061ta" : { "items" : [ ] } }', []),
        (b'{"data":{"items":null}}', []),
        (b'{"data":null}', []),
        (b'{"data":{"items":[{"a":1}],"items":[{"a":2}]}}', [1]),
        (b'{"data":{"items":[{"a":12345678901234567.89}]}}', [Decimal("12345678901234567.89")]),
        (b"", []),
        (b"[]", []),
    ],
)
def test_rows_are_what_lies_under_the_path(body: bytes, rows: list[object]) -> None:
    result = read_json(body)

    assert result.failures == ()
    assert values(result, "a") == rows


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "it has nothing under 'data'"),
        (b'{"data":{"item":[]}}', "it has nothing under 'data.items'"),
        (b'{"data.items":[{"a":1}]}', "it has nothing under 'data'"),
        (b'{"data":[{"items":[]}]}', "its 'data' is not an object, so it has no 'items'"),
        (b'{"data":"items"}', "its 'data' is not an object"),
        (b'{"data":{"items":[1]}}', "line 1 is not a JSON object: 1"),
        (b'{"data":{"items":"{}"}}', "it has '\"{}\"' instead of"),
        (b'{"data":{"items":[{"a":1}]}', "it is not valid JSON"),
        (b'{"data":{"items":[{"a":1}]},}', "it is not valid JSON"),
        (b'{"data":{"items":[{"a":1}]}} x', "it has 'x' instead of an object"),
        (b'{"data":' + b"[" * 100_000, "its 'data' is not an object"),
    ],
)
def test_a_document_without_rows_under_the_path_fails_its_object_alone(body: bytes, reason: str) -> None:
    result = read_json(b'{"data":{"items":[{"a":7}]}}', body)

    assert reasons(result)["1"].startswith(f"unreadable: {reason}")
    assert values(result, "a") == [7]


KEYS = st.sampled_from(["k", "data", "items", 'q"\\', "é"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60)
@given(
    beside=st.dictionaries(KEYS, VALUES, max_size=3),
    path=st.lists(KEYS, min_size=1, max_size=3),
    rows=st.lists(st.dictionaries(KEYS, VALUES, max_size=2), max_size=3),
    indent=st.none() | st.integers(0, 2),
    is_ascii=st.booleans(),
)
def test_the_path_finds_what_python_finds(
    beside: dict[str, object],
    path: list[str],
    rows: list[dict[str, object]],
    indent: int | None,
    is_ascii: bool,
) -> None:
    document: object = rows
    for key in reversed(path):
        document = {**beside, key: document}
    body = json.dumps(document, indent=indent, ensure_ascii=is_ascii).encode()

    lines = as_ndjson(body, FormatOptions(json_path=tuple(path)), "s3://b/k").splitlines()

    assert [json.loads(line) for line in lines] == rows
