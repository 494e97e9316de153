"""JSON documents cut at their elements, without being read."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.content import Content
from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.json.pieces import as_ndjson
from ingest_project_tests.reading.streams import cut, numbered_lines, texts

SIZES = st.integers(1, 60)
TEXT = st.text('a"\\{}[],: \né\U0001f600', max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(TEXT, VALUES, max_size=4), max_size=8)
LAYOUTS = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def cut_json(
    text: str | bytes,
    path: str = "",
    *,
    piece_bytes: int = 20,
    chunk_bytes: int = 7,
    record_bytes: int = 10**9,
) -> list[Content]:
    body = text.encode() if isinstance(text, str) else text
    options = FormatOptions(json_path=tuple(path.split(".")) if path else ())
    return cut(
        body,
        "json",
        piece_bytes=piece_bytes,
        chunk_bytes=chunk_bytes,
        record_bytes=record_bytes,
        options=options,
    )


def objects_of(contents: list[Content]) -> list[object]:
    return [json.loads(line) for text in texts(contents) for line in text.splitlines()]


@settings(max_examples=300)
@given(
    objects=OBJECTS,
    layout=LAYOUTS,
    form=st.sampled_from(["array", "sequence", "arrays"]),
    sizes=st.tuples(SIZES, SIZES),
)
def test_objects_of_any_document_are_lines(
    objects: list[dict[str, object]], layout: dict[str, object], form: str, sizes: tuple[int, int]
) -> None:
    def dumps(value: object) -> str:
        return json.dumps(value, **layout)  # type: ignore[arg-type]

    text = {
        "array": lambda: dumps(objects),
        "sequence": lambda: "".join(map(dumps, objects)),
        "arrays": lambda: "[ ]\n" + "".join(dumps([one]) for one in objects),
    }[form]()

    contents = cut_json(text, piece_bytes=sizes[0], chunk_bytes=sizes[1])

    assert objects_of(contents) == objects
    assert [number for number, _ in numbered_lines(contents)] == list(range(1, len(objects) + 1))
    assert as_ndjson(text.encode(), FormatOptions(), "s3://b/k") == b"".join(texts(contents))


@settings(max_examples=200)
@given(
    objects=OBJECTS,
    others=st.dictionaries(st.sampled_from(["x", "meta", 'da"ta']), VALUES),
    layout=LAYOUTS,
    sizes=st.tuples(SIZES, SIZES),
)
def test_rows_under_a_path_are_found_between_anything(
    objects: list[dict[str, object]],
    others: dict[str, object],
    layout: dict[str, object],
    sizes: tuple[int, int],
) -> None:
    document = {**others, "data": {**others, "items": objects, "end": others}, "z": others}
    text = json.dumps(document, **layout) * 2  # type: ignore[arg-type]

    contents = cut_json(text, "data.items", piece_bytes=sizes[0], chunk_bytes=sizes[1])

    assert objects_of(contents) == objects * 2


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"data": null} {"data": {"items": null}}', []),
        ('{"data": {"items": {"a": 1}}}', [{"a": 1}]),
        ('{"data": {"items": [{"a": 1}], "items": [{"a": 2}]}, "data": 3}', [{"a": 1}]),
        ('[{"data": {"items": [{"a": 1}]}}, {"data": null}]', [{"a": 1}]),
        ('{"d\\u0061ta": {"items": [{"a": 1}]}}', [{"a": 1}]),
        ('\ufeff{"data": {"items": []}}', []),
    ],
)
def test_what_a_path_leads_to(text: str, rows: list[object]) -> None:
    assert objects_of(cut_json(text, "data.items")) == rows


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ('{"a": 1}', "data.items", "nothing under 'data'"),
        ('{"data": {"b": 1}}', "data.items", "nothing under 'data.items'"),
        ('{"data": [1]}', "data.items", "its 'data' is not an object, so it has no 'items'"),
        ("[[1]]", "data", "a value at its top is not an object"),
        ('{"data": 5}', "data", "it has '5' instead of an object"),
        ('{"data": nope}', "data", "a value is missing"),
        ("<html>", "", "it has '<html>' instead of an object"),
        ('[{"a": 1}', "", "',' or ']' is missing, at byte 10"),
        ('[{"a": 1} {"a": 2}]', "", "',' or ']' is missing, at byte 11"),
        ('[{"a": 1},]', "", "a value is missing, at byte 11"),
        ('[{"a": 1}]]', "", "a value is missing, at byte 11"),
        ('{"a": [1', "", "the text ends within a value, at byte 1"),
        ('{"a": "b\n"}', "", "a line ends within a string"),
        ('{"a" 1}', "a", "':' is missing"),
        ('{"a": 1 "b": 2}', "b", "',' or '}' is missing"),
        ("{a: 1}", "b", "a key in double quotes is missing"),
        ('{"a\\q": 1}', "b", "a key is not a string"),
    ],
)
def test_what_does_not_divide_into_values_is_unreadable(text: str, path: str, reason: str) -> None:
    for chunk_bytes in (1, 100):
        with pytest.raises(ObjectUnreadable) as raised:
            cut_json(text, path, chunk_bytes=chunk_bytes)
        assert reason in raised.value.reason


def test_a_broken_element_is_a_line_like_others() -> None:
    contents = cut_json('[{"a": 1}, {"a": 1e}, 7, {"a": 2]]')

    assert b"".join(texts(contents)) == b'{"a": 1}\n{"a": 1e}\n7\n{"a": 2]\n'


@pytest.mark.parametrize("levels", [3, 10, 11, 12, 13, 2000])
def test_depth_is_no_obstacle(levels: int) -> None:
    deep = '{"a":' + "[" * levels + '"]"' + "]" * levels + "}"

    assert texts(cut_json(f"[{deep},\n{deep}]", piece_bytes=10**6)) == [f"{deep}\n{deep}\n".encode()]


@settings(max_examples=200)
@given(
    sizes=st.lists(st.integers(1, 60), max_size=8),
    kind=st.sampled_from(["string", "nested"]),
    chunk_bytes=SIZES,
)
def test_objects_that_are_too_long_are_told_and_left_out(
    sizes: list[int], kind: str, chunk_bytes: int
) -> None:
    rows = [
        '{"a":"' + '\\"' * size + '"}' if kind == "string" else '{"a":' + "[" * size + "{}" + "]" * size + "}"
        for size in sizes
    ]

    contents = cut_json(f"[{', '.join(rows)}]", record_bytes=40, chunk_bytes=chunk_bytes)

    long = {number: row for number, row in enumerate(rows, start=1) if len(row) > 40}
    told = {one.line_number: one for content in contents for one in content.oversized}
    assert {number: one.size_bytes for number, one in told.items()} == {
        number: len(row) for number, row in long.items()
    }
    assert all(one.start and long[number].encode().startswith(one.start) for number, one in told.items())
    assert numbered_lines(contents) == [
        (number, f"{row}\n".encode()) for number, row in enumerate(rows, start=1) if number not in long
    ]


def test_what_stands_beside_the_rows_may_be_of_any_length() -> None:
    text = json.dumps({"before": ["x" * 500] * 9, "data": [{"a": 1}], "behind": "y" * 5000})

    assert texts(cut_json(text, "data", record_bytes=50)) == [b'{"a": 1}\n']


@pytest.mark.parametrize("between", [b"\xef\xbb\xbf", b"\n\x1e", b"\x1e \xef\xbb\xbf\n"])
def test_marks_and_record_separators_may_stand_between_documents(between: bytes) -> None:
    body = between + b'[{"a": 1}]' + between + b'{"a": 2}' + between

    assert as_ndjson(body, FormatOptions(), "s3://b/k") == b'{"a": 1}\n{"a": 2}\n'
