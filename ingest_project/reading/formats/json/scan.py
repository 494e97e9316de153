r"""Searches NDJSON text for what Polars' parser would change or ignore silently.

Polars parses JSON numbers as doubles before they become text, reads a lone `\ud800` as a null character, and
ignores keys that its schema lacks. The search costs a fraction of the parsing, because Polars searches
gigabytes of text per second.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import polars as pl
import pyarrow as pa
from polars.exceptions import PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.formats.json.numerals import (
    LONG,
    RESPELLED,
    names_pattern,
    spellings,
    with_quoted,
)
from ingest_project.reading.limits import LIMITS

HIGH_SURROGATE = r"\\u[dD][89abAB]"
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
HALF_A_PAIR = "a string holds half of a surrogate pair, which is not a character"
ESCAPED_PAIR = re.compile(rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
KEY = '":'
"""The end of a key, unless a space stands before the colon. A string may contain it with an escaped quote, so
there can be more of these than keys, but not fewer."""
KEYS_OF_NULL = (b'":null', b'": null')
LONG_INTEGER = re.compile(rb":\s*-?[0-9]{16}")
SPACED_KEY = r"[ \t\r]:"


@dataclass(frozen=True, slots=True)
class Scan:
    """`content` is the text to parse.

    `keys` is at least the number of its keys with a value; None if unknown.
    """

    content: bytes = field(repr=False)
    keys: int | None


def scan(content: bytes, exact: Sequence[str], texts: Sequence[str], uri: str) -> Scan:
    """The NDJSON with numbers directly under these keys as strings, if Polars would change them.

    Numbers under `exact` so keep their digits, those under `texts` their spelling. Raises ObjectUnreadable if
    the text is not valid UTF-8 or has half a surrogate pair.
    """
    ends = list(part_ends(content))
    facts = _facts(content, ends, _changed(exact, texts), uri)
    if facts["surrogate"].any() and has_half_a_pair(content):
        raise ObjectUnreadable(uri, HALF_A_PAIR)
    null_keys = sum(content.count(key) for key in KEYS_OF_NULL) if facts["null"].any() else 0
    return Scan(
        content=_exact(content, ends, facts["changed"], {*exact, *texts})
        if facts["changed"].any()
        else content,
        keys=None if facts["spaced_key"].any() else sum(facts["keys"]) - null_keys,
    )


def has_half_a_pair(text: bytes) -> bool:
    """Whether a string of this JSON has half of a surrogate pair alone."""
    return b"\\u" in text and SURROGATE.search(ESCAPED_PAIR.sub(b" ", text)) is not None


def _facts(content: bytes, ends: Sequence[int], changed: str, uri: str) -> pl.DataFrame:
    try:
        text = _lines(content, ends)
    except PolarsError as error:
        raise ObjectUnreadable(uri, "it is not valid UTF-8") from error
    body = pl.col("text").str
    # In a lazy frame these are computed in parallel.
    return text.select(
        keys=body.count_matches(KEY, literal=True),
        null=body.contains("null", literal=True),
        spaced_key=body.contains(SPACED_KEY),
        surrogate=body.contains(HIGH_SURROGATE),
        changed=body.contains(changed) if changed else pl.lit(value=False),
    ).collect()


def part_ends(content: bytes) -> Iterator[int]:
    """Where the parts of the text end, which are whole lines of some MiB each."""
    end = 0
    while end < len(content):
        end = content.find(b"\n", end + LIMITS.step.json_part_bytes) + 1 or len(content)
        yield end


def _lines(content: bytes, ends: Sequence[int]) -> pl.LazyFrame:
    """The parts that end there as the column `text`, without a copy: Arrow's array of bytes is the bytes and
    the start of each part. Raises PolarsError if they are not valid UTF-8.
    """
    starts = pa.array([0, *ends], pa.int64()).buffers()[1]
    parts = pa.Array.from_buffers(pa.large_binary(), len(ends), [None, starts, pa.py_buffer(content)])
    return pl.LazyFrame({"text": pl.Series(parts, dtype=pl.Binary).cast(pl.String)})


def _changed(exact: Sequence[str], texts: Sequence[str]) -> str:
    """A pattern of the numbers under these keys that Polars may change; empty if there are no keys."""
    kinds = ((exact, LONG), (texts, RESPELLED))
    return "|".join(rf'"(?:{names_pattern(names)})"\s*:\s*{number}' for names, number in kinds if names)


def _exact(content: bytes, ends: Sequence[int], marked: Iterable[bool], names: Collection[str]) -> bytes:
    parts = (content[start:end] for start, end in pairwise([0, *ends]))
    return b"".join(
        with_quoted(part, names) if mark else part for part, mark in zip(parts, marked, strict=True)
    )


def contains(content: bytes, pattern: str) -> bool:
    """Whether a line of this text, which is valid UTF-8, matches the pattern."""
    return any(_marked(content, [*part_ends(content)], pattern))


def parts_with(content: bytes, pattern: str) -> Iterator[bytes]:
    """The parts of the text, of some MiB and whole lines each, in which the pattern matches."""
    ends = [*part_ends(content)]
    for (start, end), mark in zip(pairwise([0, *ends]), _marked(content, ends, pattern), strict=True):
        if mark:
            yield content[start:end]


def _marked(content: bytes, ends: Sequence[int], pattern: str) -> pl.Series:
    return _lines(content, ends).select(pl.col("text").str.contains(pattern)).collect().to_series()


def inexact_doubles(content: bytes, columns: Sequence[str]) -> dict[str, str]:
    """For each of these columns the first integer that is not exactly representable as a double, as it is
    written.
    """
    if not columns or not LONG_INTEGER.search(content):
        return {}
    found: dict[str, str] = {}
    integer = re.compile(rb'"(%s)"\s*:\s*(-?[0-9]{16,308})(?![0-9.eE])' % names_pattern(columns).encode())
    by_spelling = {spelling: name for name in columns for spelling in spellings(name)}
    for match in integer.finditer(content):
        if int(float(match[2])) != int(match[2]):
            found.setdefault(by_spelling[match[1].decode()], match[2].decode())
    return found
