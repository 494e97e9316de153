r"""Looks through NDJSON text for what Polars' parser would pass over in silence.

Polars parses JSON numbers as doubles before they become text, reads a lone `\ud800` as a null character, and drops
keys that its schema does not name. Looking for that costs a fraction of parsing, because Polars searches text at
gigabytes a second.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import polars as pl

from ingest_project.errors import ObjectUnreadable

SLICE_BYTES = 64 * 1024**2
"""How much text is looked through at once: it is copied for that."""

HIGH_SURROGATE = r"\\u[dD][89abAB]"
ESCAPED_PAIR = re.compile(rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
KEY = '":'
"""The end of a key, if nobody writes a space before the colon. In a string its quote would be escaped, so it is
counted there too; there can be more of these than keys, never fewer."""
KEYS_OF_NULL = (b'":null', b'": null')
SPACED_KEY = r"[ \t\r]:"


@dataclass(frozen=True, slots=True)
class Scan:
    """`lines` counts line ends per body. `keys` is at least the number of keys with a value, None if unknown."""

    lines: tuple[int, ...]
    keys: int | None
    long_numerals: tuple[bool, ...]


def scan(bodies: Sequence[bytes], exact_columns: Sequence[str], uri: str) -> Scan:
    """What is to be known about these bodies before they are parsed.

    `exact_columns` are those whose numbers must keep all their digits; `long_numerals` tells the bodies in which one
    of these may hold a number that a double does not. Raises ObjectUnreadable for text that is no UTF-8 or holds half a surrogate pair.
    """
    facts = pl.concat([_facts(part, exact_columns, uri) for part in _slices(bodies)])
    for body in compress(bodies, facts["surrogate"]):
        if re.search(HIGH_SURROGATE.encode(), ESCAPED_PAIR.sub(b" ", body)):
            raise ObjectUnreadable(uri, "a string holds half of a surrogate pair, which is no character")
    null_keys = sum(body.count(key) for body in compress(bodies, facts["null"]) for key in KEYS_OF_NULL)
    return Scan(
        lines=tuple(body.count(b"\n") for body in bodies),
        keys=None if facts["spaced_key"].any() else sum(facts["keys"]) - null_keys,
        long_numerals=tuple(facts["long_numeral"]),
    )


def quote_long_numerals(body: bytes, exact_columns: Sequence[str]) -> bytes:
    """The body with the numbers of these columns as strings, digit for digit."""
    return re.sub(
        rb'("(?:%s)"\s*:\s*)(-?[0-9][0-9.eE+-]*)' % _names(exact_columns).encode(), rb'\1"\2"', body
    )


def _facts(bodies: Sequence[bytes], exact_columns: Sequence[str], uri: str) -> pl.DataFrame:
    try:
        text = pl.LazyFrame({"text": pl.Series(bodies, dtype=pl.Binary).cast(pl.String)})
    except pl.exceptions.PolarsError as error:
        raise ObjectUnreadable(uri, "it is no UTF-8 text") from error
    body = pl.col("text").str
    # In a lazy frame these are computed in parallel.
    return text.select(
        keys=body.count_matches(KEY, literal=True),
        null=body.contains("null", literal=True),
        spaced_key=body.contains(SPACED_KEY),
        surrogate=body.contains(HIGH_SURROGATE),
        long_numeral=body.contains(_long_numeral(exact_columns)) if exact_columns else pl.lit(value=False),
    ).collect()


def _long_numeral(exact_columns: Sequence[str]) -> str:
    # A double keeps 15 digits of any decimal number; an exponent may take it out of a double's range.
    return rf'"(?:{_names(exact_columns)})"\s*:\s*-?(?:[0-9.]{{17}}|[0-9.]+[eE])'


def _names(columns: Sequence[str]) -> str:
    spellings = {spelling for name in columns for spelling in (name, json.dumps(name)[1:-1])}
    return "|".join(re.escape(spelling) for spelling in sorted(spellings))


def _slices(bodies: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    start, size = 0, 0
    for position, body in enumerate(bodies):
        if position > start and size + len(body) > SLICE_BYTES:
            yield bodies[start:position]
            start, size = position, 0
        size += len(body)
    yield bodies[start:]
