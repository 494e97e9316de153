"""Keeps the numbers of NDJSON that are to come in as they are written: they are put into quotes before Polars parses them.

Polars takes numbers for doubles, and writes `2.50` as `2.5`. Only members of the objects themselves are quoted: a number
within another column's JSON is that column's.
"""

import json
import re
from collections.abc import Collection, Iterable

from ingest_project.objects.json.members import members
from ingest_project.objects.json.value_ends import NESTED, STRING

LONG = r"-?(?:[0-9.]{17}|[0-9.]+[eE])"
"""The start of a number of which a double may not keep every digit: it keeps 15 of any decimal number, and an exponent may
take it out of its range."""
RESPELLED = r"(?:-0|-?[0-9]+[.eE]|-?[0-9]{17})"
"""The start of a number that Polars may write in another way: `2.50` as `2.5`, `1e5` as `100000`, `-0` as `0`."""
NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![0-9.eE+-])"
"""Nothing but what JSON calls a number: another text in quotes would pass for a value."""
ONE_NUMBER = re.compile(NUMBER.decode())
MEMBER = re.compile(
    rb"(%s)(\s*+:\s*+)(?:(?P<number>%s)|%s|%s|(?P<deep>[{\[])|)" % (STRING, NUMBER, STRING, NESTED.pattern)
)


class _NestsDeep(Exception):
    """A value has more levels than the pattern sees."""


def with_quoted(part: bytes, names: Collection[str]) -> bytes:
    """These lines, every number under one of these names in quotes."""
    if part.count(b"{") == part.count(b"\n{") + part.startswith(b"{"):  # no object lies within another
        number = rb'("(?<!\\")(?:%s)"\s*+:\s*+)(%s)' % (names_pattern(names).encode(), NUMBER)
        texts = re.split(number, part)  # at half the time of a substitution
        texts[2::3] = [b'"%s"' % one for one in texts[2::3]]
        return b"".join(texts)
    try:
        return _with_quoted_members(part, frozenset(_keys(names)))
    except _NestsDeep:
        return b"\n".join(_line_with_quoted(line, names) for line in part.split(b"\n"))


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
    except (ValueError, RecursionError):  # Polars says better what is wrong with the line
        return line
    return "".join([*parts, text[behind:]]).encode()


def spellings(name: str) -> set[str]:
    """The ways in which JSON may write this key, but for needless escapes."""
    return {name, json.dumps(name)[1:-1]}


def names_pattern(columns: Iterable[str]) -> str:
    """A pattern of these keys as JSON may spell them."""
    spelled = {spelling for name in columns for spelling in spellings(name)}
    return "|".join(re.escape(spelling) for spelling in sorted(spelled))
