"""Words for people: numbers with their nouns, and texts cut so that they still read."""

import pytest

from ingest_project.settings.wording import clipped, plural


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (0, "problem", "0 problems"),
        (1, "problem", "1 problem"),
        (2_000, "object version", "2,000 object versions"),
        (2, "batch", "2 batches"),
        (1, "batch", "1 batch"),
    ],
)
def test_noun_agrees_with_its_number(count: int, noun: str, said: str) -> None:
    assert plural(count, noun) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("'abcd'", "'abcd'"),
        ("'abcdefghij'", "'abcdefghi'..."),
        ('["abc", "defgh"]', '["abc", "d"...'),
        ("the file's `columns` differ", "the file's..."),
        ("key `abcdefghijk` is", "key `abcde`..."),
        ("'abcdefgh\\n and more'", "'abcdefgh'..."),
        ("no quotation at all", "no quotati..."),
    ],
)
def test_clipped_text_leaves_no_quotation_open(text: str, said: str) -> None:
    assert clipped(text, 10) == said
