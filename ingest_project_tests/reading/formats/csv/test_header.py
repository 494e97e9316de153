"""Fields that a header leaves without a name are called by their place, whole or in pieces."""

import pytest

from ingest_project_tests.reading.formats.csv.readings import Outcome, outcome

WAYS = pytest.mark.parametrize(
    ("in_pieces", "quarantines"),
    [(False, True), (False, False), (True, True), (True, False)],
    ids=["whole-quarantine", "whole-fail", "pieces-quarantine", "pieces-fail"],
)
NUMBERED = {"n": "long", "s": "string"}


@WAYS
@pytest.mark.parametrize("index", ["", '""'])
def test_the_index_of_pandas_is_a_column(index: str, in_pieces: bool, quarantines: bool) -> None:
    body = f'{index},n,s\n0,1,"x"\n1,2,y\n2,3,z\n'.encode()

    found = outcome(body, in_pieces=in_pieces, quarantines=quarantines)

    rows = [(0, 1, "x"), (1, 2, "y"), (2, 3, "z")]
    assert found == Outcome([dict(zip(("column_1", "n", "s"), row, strict=True)) for row in rows], [])


@WAYS
@pytest.mark.parametrize(
    "body",
    [
        b"n,s,,\r\n1,x,,\r\n2,y,,\r\n3,z,,\r\n",
        b"n,s,,\n1,x\n2,y,\n3,z,,\n",  # some rows shorter, as Excel writes blocks of them
        b'"n","s","",""\n"1","x","",""\n"2","y",""\n3,"z"\n',
        b"n,s,,\n\n1,x\n\n2,y\n3,z\n\n",
    ],
)
@pytest.mark.parametrize("columns", [None, NUMBERED])
def test_fields_at_the_end_that_have_neither_name_nor_value_are_no_columns(
    body: bytes, columns: dict[str, str] | None, in_pieces: bool, quarantines: bool
) -> None:
    found = outcome(body, columns, in_pieces=in_pieces, quarantines=quarantines)

    rows = [(1, "x"), (2, "y"), (3, "z")]
    assert found == Outcome([{"n": number, "s": text} for number, text in rows], [])


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_row_that_lacks_a_field_with_a_name_is_a_bad_row(quote: str, in_pieces: bool) -> None:
    body = f"n,s,,\n1,{quote}x{quote}\n2\n3,z,,,\n4,w,\n".encode()

    found = outcome(body, NUMBERED, in_pieces=in_pieces)
    failed = outcome(body, NUMBERED, quarantines=False)

    assert found.rows == [{"n": 1, "s": "x"}, {"n": 4, "s": "w"}]
    assert found.rejected == [
        (3, None, "it has 1 fields instead of 4"),
        (4, None, "it has 5 fields instead of 4"),
    ]
    assert failed.failure is not None
    assert failed.rows == []


def test_what_is_rescued_of_fields_without_a_name_is_not_nothing() -> None:
    body = b'"n","s",""\n"1","x",""\n"2","","q"\n'

    found = outcome(body, {"n": "long"}, evolution="rescue")

    assert [row["_rescued_data"] for row in found.rows] == ['{"s": "x"}', '{"s": "", "column_3": "q"}']


@WAYS
@pytest.mark.parametrize(
    ("body", "failure", "remedy"),
    [
        (b"n,,column_2\n1,2,3\n4,5,6\n",
            "schema: its header has no name for field 2, which is then called 'column_2'", "header: false"),
        (b"n,s,n\n1,2,3\n4,5,6\n", "schema: its header names 'n' more than once", "header: false"),
        (b",,\n1,2,3\n4,5,6\n", "unreadable: its header names no field", "remove the lines above the header"),
        (b"Sales of May,,\nn,s,t\n1,2,3\n",
            "unreadable: its header names only one of 3 fields, 'Sales of May'", "remove the lines above"),
    ],
)  # fmt: skip
def test_a_header_of_no_use_is_refused_with_a_remedy(
    body: bytes, failure: str, remedy: str, in_pieces: bool, quarantines: bool
) -> None:
    found = outcome(body, in_pieces=in_pieces, quarantines=quarantines)

    assert found.rows == []
    assert (found.failure or "").startswith(failure)
    assert remedy in (found.failure or "")


def test_a_single_name_will_do_where_it_is_known() -> None:
    assert outcome(b"n,,\n1,,\n2,,\n", {"n": "long"}) == Outcome([{"n": 1}, {"n": 2}], [])
    assert outcome(b"n,\n1,\n2,\n") == Outcome([{"n": 1}, {"n": 2}], [])


def test_many_fields_without_a_name() -> None:
    found = outcome(b"a,,,,z\n1,2,3,4,5\n6,7,8,9,0\n")

    assert found.rows[0] == {"a": 1, "column_2": 2, "column_3": 3, "column_4": 4, "z": 5}


@WAYS
def test_a_name_with_quotes_has_them_once(in_pieces: bool, quarantines: bool) -> None:
    body = b'"foo ""bar",s,"a"",""b"\n1,"r""b",3\n'

    found = outcome(body, in_pieces=in_pieces, quarantines=quarantines)

    assert found == Outcome([{'foo "bar': 1, "s": 'r"b', 'a","b': 3}], [])
