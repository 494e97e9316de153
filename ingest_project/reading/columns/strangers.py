"""Finds the objects whose columns do not go together with those of the other objects of their batch.

Each of them can be read by itself, but no table has the columns of all: some differ only in case, or are
nested in one file and not in another. What most objects have counts, so one odd object holds up no other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import polars as pl

from ingest_project.reading.values.shape import Path, kind_of, parts, spelled

RENAME = "rename it in one of them, or by `from` in `columns`"
SKIP = "rename it in one of them, or `{drop: true}` skips it"


class _Aspect(NamedTuple):
    """Something that all files of a table must have in the same way.

    It is how a path is spelled, what kind the values at a path are, or whether the first part of a name with
    dots is the name of a column.
    """

    of: Literal["spelling", "kind", "dots"]
    path: Path


Ways = Mapping[_Aspect, Path | str]


def strangers(schemas: Sequence[Mapping[str, pl.DataType]], *, mixes_kinds: bool) -> dict[int, str]:
    """The places of the schemas that do not go together with the others, each with its reason.

    All that are left go together, and none of those found goes with them. What most have counts; of two ways
    that are equally frequent, the first one. `mixes_kinds` says that values and nested values of one column
    are read as text.
    """
    if all(schema == schemas[0] for schema in schemas):
        return {}
    ways = [dict(_ways(schema, mixes_kinds=mixes_kinds)) for schema in schemas]
    usual = _usual(ways)
    odd = [place for place, one in enumerate(ways) if next(_conflicts(one, usual), None) is not None]
    if not odd:
        return {}
    kept: dict[_Aspect, Path | str] = {}
    for place in sorted(set(range(len(ways))) - set(odd)):
        kept |= ways[place]
    found: dict[int, str] = {}
    for place in odd:  # an odd one may only differ from another odd one
        aspect = next(_conflicts(ways[place], kept), None)
        if aspect is None:
            kept |= ways[place]
        else:
            found[place] = _reason(aspect, ways[place], kept[aspect])
    return found


def _ways(schema: Mapping[str, pl.DataType], *, mixes_kinds: bool) -> Iterator[tuple[_Aspect, Path | str]]:
    for name, dtype in schema.items():
        for path, part in parts(dtype, (name,)):
            yield _Aspect("spelling", _folded(path)), path
            if not mixes_kinds:
                yield _Aspect("kind", path), kind_of(part)
        yield _Aspect("dots", (name,)), name
        if (first := name.partition(".")[0]) != name:
            yield _Aspect("dots", (first,)), f"{first}."


def _folded(path: Path) -> Path:
    return tuple(step.lower() if isinstance(step, str) else step for step in path)


def _usual(ways: Iterable[Ways]) -> Ways:
    """The most frequent way of each aspect that has several, or the first of several such ways."""
    counts = Counter(way for one in ways for way in one.items())
    by_aspect: dict[_Aspect, dict[Path | str, int]] = defaultdict(dict)
    for (aspect, way), count in counts.items():
        by_aspect[aspect][way] = count
    return {
        aspect: max(found, key=found.__getitem__) for aspect, found in by_aspect.items() if len(found) > 1
    }


def _conflicts(ways: Ways, others: Ways) -> Iterator[_Aspect]:
    return (aspect for aspect, way in ways.items() if others.get(aspect, way) != way)


def _reason(aspect: _Aspect, ways: Ways, usual: Path | str) -> str:
    way, shown = ways[aspect], spelled(aspect.path)
    if isinstance(way, tuple) and isinstance(usual, tuple):
        return f"{spelled(way)!r} differs only in case from {spelled(usual)!r} of most files; {RENAME}"
    if aspect.of == "kind":
        return f"{shown!r} is a {way}, and a {usual} in most files; {SKIP}"
    if way == shown:
        return f"{shown!r} is the beginning of names in most files, as in '{usual}x'; {RENAME}"
    name = next(name for other in ways if (name := str(other.path[0])).startswith(str(way)))
    return f"{name!r} looks like a field of column {shown!r} of most files; {RENAME}"
