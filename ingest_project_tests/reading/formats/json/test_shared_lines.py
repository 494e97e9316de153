"""Several objects on a line, as Firehose writes them: each is a row, and a bad one keeps its own text."""

import json
import time

import pytest

from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target
from ingest_project_tests.reading.factories import fetched, read_objects, values
from ingest_project_tests.reading.streams import cut

READING = Reading("ndjson", Target({"n": "long", "s": "string"}, "fail"), quarantines=True)
DEEP = b'{"n": ' + b"[" * 30 + b"]" * 30 + b"}"


def bad_rows(result: ReadResult) -> list[tuple[object, ...]]:
    return [] if result.rejected is None else result.rejected.select("line_number", "raw").rows()


@pytest.mark.parametrize(
    "bad",
    [
        '{"n":"x"}',
        '{"n" : "x",\t"s":"\\u0041\\/ ü" , "s":"c", "s" : {"k":1E5,"k":2}}',  # another text if encoded again
        '{"s": "}{ \\" [", "n": 1.5}',
        '{"n":1.0e0}',
        "{bad}",
        '{"n":NaN}',
        '{"n" 1}',
        '{"n":1,}',
        DEEP.decode(),
    ],
)
@pytest.mark.parametrize("between", ["", " ", "\t \r"])
def test_a_bad_row_has_its_own_text_and_its_neighbours_come_in(bad: str, between: str) -> None:
    body = f'{{"n":0}}\n{{"n":1}}{between}{bad}{between}{{"n":3,"s":"}}{{"}}{between}\n{{"n":4}}'.encode()

    result = read_objects(fetched(body), READING)

    assert result.failures == ()
    assert values(result, "n") == [0, 1, 3, 4]
    assert bad_rows(result) == [(2, bad)]


def test_what_follows_is_read_whatever_is_within_the_bad_ones() -> None:
    line = b'{"n":1}{"s":"\xff"}{"n":[{}],}{"n":2}' + DEEP + b'{"n":3}{"s":"\\ud83d"}{"n":4}'

    result = read_objects(fetched(line), READING)

    assert values(result, "n") == [1, 2, 3, 4]
    assert bad_rows(result) == [
        (1, '{"s":"\\xff"}'),
        (1, '{"n":[{}],}'),
        (1, DEEP.decode()),
        (1, '{"s":"\\ud83d"}'),
    ]


def test_an_incomplete_last_object_is_a_bad_row_by_itself() -> None:
    result = read_objects(fetched(b'{"n":1}{"n":2} {"n":3,"s":"}{\n{"n":4}'), READING)

    assert values(result, "n") == [1, 2, 4]
    assert bad_rows(result) == [(1, '{"n":3,"s":"}{')]


@pytest.mark.parametrize(
    "line",
    ['{"n":1},{"n":2}', '{"n":1},', '{"n":1}[{"n":2}]', '{"n":1}}{"n":2}', '{"n":1}{"n":2} 5', '[{"n":1},'],
)
def test_a_line_with_anything_else_is_one_bad_row(line: str) -> None:
    result = read_objects(fetched(f'{{"n":0}}\n{line}\n'.encode()), READING)

    assert values(result, "n") == [0]
    assert bad_rows(result) == [(2, line)]


def test_the_text_of_a_bad_row_can_be_read_again_with_corrected_columns() -> None:
    body = b'{"n":1}{"n": "x", "s":"\\u00e9"} {"n":2}{"n":1.5}'
    result = read_objects(fetched(body), READING)
    texts = "\n".join(str(raw) for _, raw in bad_rows(result))

    again = read_objects(fetched(texts.encode()), Reading("ndjson", Target({"n": "string", "s": "string"})))

    assert values(again, "n") == ["x", "1.5"]
    assert values(again, "s") == ["é", None]


def test_pieces_and_columns_of_good_rows_alone_are_the_same() -> None:
    body = b'{"n":1}{"n":"x","b":1}{"n":2,"a":5}\n{"n":3}{"n":4,}{"n":5}\n'
    reading = Reading("ndjson", Target({"n": "long"}), quarantines=True)

    whole = read_objects(fetched(body), reading)
    pieces = [read_contents([one], reading) for one in cut(body, piece_bytes=5)]

    assert len(pieces) == 2
    assert values(whole, "a") == [None, 5, None, None]
    assert "b" not in (whole.frame.columns if whole.frame is not None else ["b"])
    assert [row for one in pieces for row in bad_rows(one)] == bad_rows(whole)
    assert [value for one in pieces for value in values(one, "n")] == values(whole, "n")


def test_a_long_line_of_objects_takes_time_by_its_length_only() -> None:
    record = json.dumps({"n": 1, "s": "x" * 30}).encode()
    started = time.monotonic()

    result = read_objects(fetched((record + DEEP) * 20_000 + b'{"n":2}'), READING)

    assert values(result, "n") == [1] * 20_000 + [2]
    assert len(bad_rows(result)) == 20_000
    assert time.monotonic() - started < 60
