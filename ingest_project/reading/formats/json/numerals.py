"""Keeps numbers of NDJSON as they are written: they are put into quotes before Polars parses them.

Polars parses numbers as doubles, and writes `2.50` as `2.5`. Only members of the rows' own objects are
quoted: a number within the JSON of another column belongs to that column.
"""

import json
import re
from collections.abc import Collection, Iterable

from ingest_project.reading.formats.json.members import members
from ingest_project.reading.formats.json.value_ends import NESTED, STRING

LONG = r"-?(?:[0-9.]{17}|[0-9.]+[eE])"
"""The start of a number of which a double may not keep all digits: it keeps any 15, and an exponent may be
out of range."""
RESPELLED = r"(?:-0|-?[0-9]+[.eE]|-?[0-9]{17})"
"""The start of a number that Polars may spell otherwise: `2.50` as `2.5`, `1e5` as `100000`, `-0` as `0`."""
NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![0-9.eE+-])"
"""A number by JSON's own grammar: any other text would become a valid value by the quotes."""
ONE_NUMBER = re.compile(NUMBER.decode())
MEMBER = re.compile(
    rb"(%s)(\s*+:\s*+)(?:(?P<number>%s)|%s|%s|(?P<deep>[{\[])|)" % (STRING, NUMBER, STRING, NESTED.pattern)
)


class _NestsDeep(Exception):
    """A value has more levels than the pattern matches."""


def with_quoted(part: bytes, names: Collection[str]) -> bytes:
    """These lines with each number under one of these names in quotes."""
    if not has_nested_objects(part):
        number = rb'("(?<!\\")(?:%s)"\s*+:\s*+)(%s)' % (names_pattern(names).encode(), NUMBER)
        texts = re.split(number, part)  # at half the time of a substitution
        texts[2::3] = [b'"%s"' % one for one in texts[2::3]]
        return b"".join(texts)
    try:
        return _with_quoted_members(part, frozenset(_keys(names)))
    except _NestsDeep:
        return b"\n".join(_line_with_quoted(line, names) for line in part.split(b"\n"))


def has_nested_objects(part: bytes) -> bool:
    """Whether these lines may have an object within another."""
    return part.count(b"{") != part.count(b"\n{") + part.startswith(b"{")


def _keys(names: Iterable[str]) -> Iterable[bytes]:
    return (b'"%s"' % spelling.encode() for name in names for spelling in spellings(name))


def _with_quoted_members(part: bytes, keys: Collection[bytes]) -> bytes:
    def quoted(match: re.Match[bytes]) -> bytes:
        if match["deep"]:
            raise _NestsDeep
        number = match["number"]
        return (
            match[0] if number is None or match[1] not in keys else b'%s%s"%s"' % (match[1], match[2], number)
        )

    return MEMBER.sub(quoted, part)


def _line_with_quoted(line: bytes, names: Collection[str]) -> bytes:
    text, parts, behind = line.decode(), [], 0
    try:
        for key, (start, end) in members(text, text.find("{")):
            if key in names and ONE_NUMBER.fullmatch(text, start, end):
                parts += [text[behind:start], '"', text[start:end], '"']
                behind = end
    except (ValueError, RecursionError):  # Polars has a better message for the line
        return line
    return "".join([*parts, text[behind:]]).encode()


def spellings(name: str) -> set[str]:
    """The ways in which JSON may spell this key, except with needless escapes."""
    return {name, json.dumps(name)[1:-1]}


def names_pattern(columns: Iterable[str]) -> str:
    """A pattern of these keys as JSON may spell them."""
    spelled = {spelling for name in columns for spelling in spellings(name)}
    return "|".join(re.escape(spelling) for spelling in sorted(spelled))
