"""Where the rows of a document are."""

import json
from typing import Any

import pytest

from ingest_project.preview.json_rows import find_path

ROWS = [{"id": number} for number in range(5)]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (ROWS, ()),
        ({"id": 1, "name": "x"}, ()),
        ({"meta": {"page": 1}, "data": {"items": ROWS}}, ("data", "items")),
        ({"orders": ROWS, "n": 5}, ("orders",)),
        ({"order_id": 1, "customer": {"name": "n" * 200}, "lines": ROWS[:2]}, ()),
        ({"items": [1, 2, 3]}, ()),
        ({"a.b": ROWS, "x" * 5: "y" * 500}, ()),
        ({"results": ROWS[:2], "data": ROWS}, ("data",)),
    ],
)
def test_rows_are_in_an_array_that_a_document_is_about(document: Any, path: tuple[str, ...]) -> None:
    assert find_path(json.dumps(document)) == path
    assert find_path("\ufeff\n " + json.dumps(document, indent=2)) == path


def test_several_objects_one_after_the_other_are_rows_themselves() -> None:
    assert find_path(json.dumps({"data": ROWS}) * 2) == ()


def test_in_a_cut_document_the_rows_are_where_it_is_cut() -> None:
    text = json.dumps({"meta": {"tags": [1]}, "data": {"n": 1, "items": ROWS * 100}})

    assert find_path(text[:-500]) == ("data", "items")
    assert find_path(json.dumps(ROWS * 10)[:-10]) == ()
    assert find_path('{"text": "cut') == ()


def test_no_text_makes_it_fail() -> None:
    for text in ("", "{", '{"a"', '{"a":', "[" * 100_000, '{"a":' * 100_000, "nonsense", "{]"):
        assert find_path(text) == ()
