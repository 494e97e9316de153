import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.api.strict_json import parse_json

NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=50)
@given(VALUES)
def test_every_value_of_json_is_read_as_it_was_written(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_value_error_that_repeats_nothing(body: bytes) -> None:
    try:
        parse_json(body)
    except ValueError as error:
        assert str(error).startswith("it ")  # noqa: PT017


def test_64_levels_are_read_and_one_more_is_not() -> None:
    parse_json(b"[" * 64 + b"]" * 64)
    with pytest.raises(ValueError, match="more than 64 levels"):
        parse_json(b"[" * 65 + b"]" * 65)
    with pytest.raises(ValueError, match="more than 64 levels"):
        parse_json(b'{"a":' * 65 + b"1" + b"}" * 65)
