import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.json.pieces import as_ndjson
from ingest_project_tests.reading.factories import read, reasons, values

JSON_OBJECTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), st.lists, max_leaves=5),
    max_size=4,
)


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'[{"a":1},\n {"a":2}]', [1, 2]),
        (b'{"a":1}', [1]),
        (b'{"a":1}{"a":2}\n[{"a":3}]', [1, 2, 3]),
        (b'{\n  "a": 1\r\n}\n', [1]),
        (b'\xef\xbb\xbf[{"a":1}]', [1]),
        (b"[]", []),
        (b"[ ] [\n]", []),
        (b"", []),
        (b" \n", []),
    ],
)
def test_arrays_and_objects_become_rows(body: bytes, rows: list[int]) -> None:
    result = read(body, columns={"a": "long"}, file_format="json")

    assert result.failures == ()
    assert values(result, "a") == rows


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[1]", "line 1 is not a JSON object: 1"),
        (b'[[{"a":1}]]', "line 1 is not a JSON object: [{'a': 1}]"),
        (b'[{"a":1}', "it is not valid JSON"),
        (b'[{"a":1},]', "it is not valid JSON"),
        (b'[{"a":1} {"a":2}]', "it is not valid JSON"),
        (b"[", "it is not valid JSON"),
        (b'{"a":', "it is not valid JSON"),
        (b"\xff", "it is not valid UTF-8"),
    ],
)
def test_other_documents_are_unreadable(body: bytes, reason: str) -> None:
    result = read(b'{"a":1}', body, columns={"a": "long"}, file_format="json")

    assert reasons(result)["1"].startswith(f"unreadable: {reason}")
    assert values(result, "a") == [1]


def test_numbers_keep_their_digits() -> None:
    result = read(b'[{"m": 12345678901234567.89}]', columns={"m": "decimal(20,2)"}, file_format="json")

    assert values(result, "m") == [Decimal("12345678901234567.89")]


@settings(max_examples=30)
@given(rows=st.lists(JSON_OBJECTS, max_size=5), indent=st.none() | st.integers(0, 3), as_array=st.booleans())
def test_every_layout_of_the_same_rows_gives_the_same_lines(
    rows: list[dict[str, object]], indent: int | None, as_array: bool
) -> None:
    document = (
        json.dumps(rows, indent=indent)
        if as_array
        else "".join(json.dumps(row, indent=indent) for row in rows)
    )

    lines = as_ndjson(document.encode(), FormatOptions(), "s3://b/k").splitlines()

    assert [json.loads(line) for line in lines] == rows
