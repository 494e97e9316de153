"""Finds the objects whose columns do not go together with those of the other objects of their batch.

Each of them can be read by itself, but no table has the columns of all: some differ only in case, or are
nested in one file and not in another. What most objects have counts, so one odd object holds up no other.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import polars as pl

from ingest_project.reading.values.shape import Path, kind_of, parts, spelled

RENAME = "rename it in one of them, or by `from` in `columns`"
DECLARE = "declare the column as a string"

Of = TypeVar("Of")
Way = TypeVar("Way")


def strangers(schemas: Sequence[Mapping[str, pl.DataType]], *, mixes_kinds: bool) -> dict[int, str]:
    """The places of the schemas that do not go together with most of them, each with its reason.

    All that are left go together. Of two ways that are equally frequent, the first one counts. `mixes_kinds`
    says that values and nested values of one column are read as text.
    """
    if all(schema == schemas[0] for schema in schemas):
        return {}
    taken_apart = [_taken_apart(schema) for schema in schemas]
    usual_names = _usual((_folded(path), path) for one in taken_apart for path in one)
    usual_kinds = {} if mixes_kinds else _usual(found for one in taken_apart for found in one.items())
    columns = {path[0] for one in taken_apart for path in one}
    reasons = (_reasons(one, usual_names, usual_kinds, columns) for one in taken_apart)
    return {place: reason for place, found in enumerate(reasons) if (reason := next(found, None)) is not None}


def _taken_apart(schema: Mapping[str, pl.DataType]) -> dict[Path, str]:
    """The kind of each part, by its path."""
    return {path: kind_of(part) for name, dtype in schema.items() for path, part in parts(dtype, (name,))}


def _folded(path: Path) -> Path:
    return tuple(step.lower() if isinstance(step, str) else step for step in path)


def _usual(found: Iterable[tuple[Of, Way]]) -> dict[Of, Way]:
    """The most frequent way, or the first of several such ways, where there are several."""
    counts: dict[Of, Counter[Way]] = defaultdict(Counter)
    for of, way in found:
        counts[of][way] += 1
    return {of: max(ways, key=ways.__getitem__) for of, ways in counts.items() if len(ways) > 1}


def _reasons(
    kinds: Mapping[Path, str],
    usual_names: Mapping[Path, Path],
    usual_kinds: Mapping[Path, str],
    columns: Collection[object],
) -> Iterator[str]:
    for path, kind in kinds.items():
        usual = usual_names.get(_folded(path), path)
        if usual != path:
            yield f"{spelled(path)!r} differs only in case from {spelled(usual)!r} of most files; {RENAME}"
        if usual_kinds.get(path, kind) != kind:
            yield f"{spelled(path)!r} is a {kind}, and a {usual_kinds[path]} in most files; {DECLARE}"
        name = str(path[0])
        if len(path) == 1 and (first := name.partition(".")[0]) != name and first in columns:
            yield f"{name!r} looks like a field of column {first!r} of other files; {RENAME}"
