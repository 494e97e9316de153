"""Chooses one format and one set of options for several objects, and says which objects differ."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from ingest_project.errors import ObjectError
from ingest_project.preview.column_naming import usable_names
from ingest_project.preview.csv_dialect import FoundDialect, find_dialect
from ingest_project.preview.excel_layout import FoundLayout, find_layout
from ingest_project.preview.heads import Head
from ingest_project.preview.json_rows import Path, find_path
from ingest_project.preview.read_as import ReadAs
from ingest_project.preview.text_encoding import decoded
from ingest_project.preview.values import shown
from ingest_project.reading.format_options import CsvDialect, ExcelLayout, FormatOptions
from ingest_project.reading.formats.table import reads
from ingest_project.settings.formats import TableFormat
from ingest_project.sources.unforeseen import unforeseen_as_fault

LISTED_SHEETS = 10


@dataclass(frozen=True, slots=True)
class Settled:
    """How the objects are read. `notes` say what is not certain, and which objects differ."""

    read_as: ReadAs
    notes: tuple[str, ...] = ()


def main_format(formats: Sequence[TableFormat | None]) -> TableFormat | None:
    """The most frequent format; for NDJSON among JSON documents `json`, because its reader reads both."""
    known = [one for one in formats if one is not None]
    for wider in set(known):
        known = [wider if reads(wider, one) else one for one in known]
    # Of equally frequent ones the first by name, so that the order does not matter.
    return min(Counter(known).items(), key=lambda pair: (-pair[1], pair[0]))[0] if known else None


def settle(file_format: TableFormat, heads: Sequence[Head]) -> Settled:
    """The options for these objects, all of which are of this format."""
    settle_options = SETTLERS.get(file_format)
    return settle_options(heads) if settle_options else Settled(ReadAs(file_format))


def _settle_json(heads: Sequence[Head]) -> Settled:
    paths: dict[Path, list[Head]] = {}
    for head in heads:
        paths.setdefault(_path(head), []).append(head)
    if not paths:
        return Settled(ReadAs("json"))
    # The top is the default, so a path that was found wins a tie.
    path = max(paths, key=lambda one: (len(paths[one]), len(one), one))
    notes = [
        f"{head.name}: its rows are at {'.'.join(one) or 'the top'}"
        for one in paths
        if one != path
        for head in paths[one]
        if not _has_rows_at(head, path)
    ]
    if path:
        notes.insert(
            0, f"the rows are taken from {'.'.join(path)}; without `json: {{path}}` each document is one row"
        )
    return Settled(ReadAs("json", FormatOptions(json_path=path)), tuple(notes))


def _path(head: Head) -> Path:
    text = decoded(head.body)
    try:
        with unforeseen_as_fault(head.object.uri):
            return find_path(text.text) if text else ()
    except ObjectError:  # reading it will report the fault
        return ()


def _has_rows_at(head: Head, path: Path) -> bool:
    """Whether the document has an array there: with fewer than two rows it is not found as the rows."""
    try:
        value: object = json.loads(head.body)
    except (ValueError, RecursionError):
        return False
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return isinstance(value, list)


def _dialect(head: Head) -> FoundDialect | None:
    text = decoded(head.body)
    if text is None:
        return None
    # The encoding of text with a byte order mark is known to the reader.
    encoding = "ascii" if text.has_mark else text.encoding
    try:
        with unforeseen_as_fault(head.object.uri):
            return find_dialect(text.text, encoding=encoding, is_whole=head.is_whole, anyway=True)
    except ObjectError:
        return None


def _settle_csv(heads: Sequence[Head]) -> Settled:
    found = [(head, dialect) for head in heads if (dialect := _dialect(head)) is not None]
    if not found:
        return Settled(ReadAs("csv"))
    notes: list[str] = []
    notes += _titles(found)
    parted = [(head, one.delimiter) for head, one in found if len(one.first) > 1 and not one.is_marked]
    parted = parted or [(head, one.delimiter) for head, one in found if one.is_marked][:1]
    delimiter = _commonest("delimiter", parted, notes)
    charset = _commonest(
        "encoding", [(head, one.encoding) for head, one in found if one.encoding != "ascii"], notes
    )
    quote = next((one.quote for _, one in found if one.quote), None)
    comment = next((one.comment for _, one in found if one.comment), None)
    escape = next((one.escape for _, one in found if one.escape), None)
    quote_escape = next((one.quote_escape for _, one in found if one.quote_escape), None)
    nulls = {mark for _, one in found for mark in one.null_values}
    has_header = _header([one for _, one in found], notes)
    agreed = CsvDialect(
        delimiter=delimiter or ",",
        quote=quote,
        encoding=charset or "utf-8",
        null_values=tuple(sorted(nulls)),
        comment=comment,
        escape=escape,
        quote_escape=None if escape else quote_escape,
    )
    named = _names([one for _, one in found], notes, has_header=has_header)
    return Settled(
        ReadAs("csv", FormatOptions(csv=replace(agreed, names=named.names)), named.header), tuple(notes)
    )


@dataclass(frozen=True, slots=True)
class _Names:
    names: tuple[str, ...] | None = None
    header: tuple[str, ...] | None = None


def _names(dialects: Sequence[FoundDialect], notes: list[str], *, has_header: bool) -> _Names:
    """The names of the fields, None if the header has them; and a header that the ingest would refuse."""
    width = Counter(len(one.first) for one in dialects).most_common(1)[0][0]
    first = next(one for one in dialects if len(one.first) == width)
    if not has_header:
        made_up = tuple(f"column_{place}" for place in range(1, width + 1))
        return _Names(usable_names(first.names) if first.names else made_up)
    fault = _header_fault(first.first)
    if fault is None:
        return _Names()
    notes.append(
        f"the header {fault}, so the fields are told by their place, and the header of each file is a bad "
        "row; better names in the files would mend it"
    )
    return _Names(usable_names(first.first), first.first)


def _header_fault(names: Sequence[str]) -> str | None:
    """Why the ingest refuses a header, if it does."""
    named = [name or f"column_{place}" for place, name in enumerate(names, start=1)]
    twice = sorted(name for name, count in Counter(named).items() if count > 1)
    return f"has {', '.join(map(repr, twice))} more than once" if twice else None


def _titles(found: Sequence[tuple[Head, FoundDialect]]) -> list[str]:
    """One note on all files that have a title above their header."""
    titled = [(head, one.title) for head, one in found if one.title is not None]
    if not titled:
        return []
    (head, title), *others = titled
    more = f" (and {len(others)} more)" if others else ""
    remark = f"its first line, {shown(title)!r}, looks like a title, and the ingest takes it for the header"
    return [f"{head.name}{more}: {remark}: take it out of the files"]


def _settle_excel(heads: Sequence[Head]) -> Settled:
    found = [(head, layout) for head in heads if (layout := _layout(head)) is not None]
    if not found:
        return Settled(ReadAs("excel"))
    notes: list[str] = []
    _, first = found[0]
    several = [(head, one) for head, one in found if len(one.sheets) > 1]
    if several:
        head, one = several[0]
        more = f" (and {len(several) - 1} more)" if len(several) > 1 else ""
        listed = ", ".join(one.sheets[:LISTED_SHEETS])
        notes.append(
            f"{head.name}{more}: it has the sheets {listed}; the first visible one is read, "
            "`excel: {sheet: ...}` names another"
        )
    skip_rows = int(
        _commonest("rows above the table", [(head, str(one.skip_rows)) for head, one in found], notes) or 0
    )
    has_header = Counter(one.has_header for _, one in found).most_common(1)[0][0]
    names = None if has_header else tuple(f"column_{place}" for place in range(1, first.width + 1))
    options = FormatOptions(excel=ExcelLayout(names=names, skip_rows=skip_rows))
    return Settled(ReadAs("excel", options), tuple(notes))


def _layout(head: Head) -> FoundLayout | None:
    try:
        with unforeseen_as_fault(head.object.uri):
            return find_layout(head.body, head.object.uri)
    except ObjectError:
        return None


def _commonest(what: str, found: list[tuple[Head, str]], notes: list[str]) -> str | None:
    """The value that most objects have; adds a note for each object that has another."""
    if not found:
        return None
    counts = Counter(value for _, value in found)
    best = min(counts, key=lambda value: (-counts[value], value))
    notes += [f"{head.name}: its {what} is {value!r}, not {best!r}" for head, value in found if value != best]
    return best


def _header(dialects: Sequence[FoundDialect], notes: list[str]) -> bool:
    certain = {one.has_header for one in dialects} - {None}
    if len(certain) == 2:
        notes.append("some files seem to have a header, others none; one of the two will be read wrongly")
    if certain:
        return (
            Counter(one.has_header for one in dialects if one.has_header is not None).most_common(1)[0][0]
            is True
        )
    firsts = {one.first for one in dialects}
    if len(dialects) > 1 and len(firsts) == 1:
        return True
    shared = set.intersection(*(set(one.first) for one in dialects))
    if len(dialects) > 1 and not shared:
        return False
    notes.append("all fields are text, so whether the first line is a header is a guess: look at the sample")
    return True


SETTLERS: Mapping[TableFormat, Callable[[Sequence[Head]], Settled]] = MappingProxyType(
    {"csv": _settle_csv, "excel": _settle_excel, "json": _settle_json}
)
"""How the options of a format are found, for formats whose files tell their options."""
