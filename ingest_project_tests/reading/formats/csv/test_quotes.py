"""Whether quotes are well-formed is told by what is beside them, or else by a pattern: both agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv import quotes
from ingest_project.reading.formats.csv.quotes import is_well_formed

PARTS = ('"', '""', '"a"', '"a,\n"', '"\r"', "b", ",", ";", "\n", "\r\n", "\r", " ", '"é""', "'")


@given(
    parts=st.lists(st.sampled_from(PARTS), max_size=12),
    dialect=st.sampled_from([CsvDialect(), CsvDialect(delimiter=";"), CsvDialect(quote="'")]),
    block_bytes=st.integers(1, 5),
)
def test_long_texts_are_judged_as_short_ones(parts: list[str], dialect: CsvDialect, block_bytes: int) -> None:
    text = "".join(parts).encode()
    expected = is_well_formed(text, dialect)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quotes, "MANY_BYTES", 0)
        patch.setattr(quotes, "BLOCK_BYTES", block_bytes)
        assert is_well_formed(text, dialect) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a","b"\n"c",""\n', True),
        ('"a""","""b"\r\nc,""""\r\n', True),
        ('a,"b\n\n,"\n', True),
        ('"a"', True),
        ('"a" ,b\n', False),
        ('a"b",c\n', False),
        ('"a\nb,c\n', False),
        ('"a"\rb\n', False),
        ('"a""b\n', False),
    ],
)
def test_text_without_a_lone_cr_needs_no_pattern(text: str, expected: bool) -> None:
    assert quotes._is_plainly_well_formed(text.encode(), CsvDialect()) == expected
    assert is_well_formed(text.encode(), CsvDialect()) == expected
