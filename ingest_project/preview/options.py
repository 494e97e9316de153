"""Settles on one format and one set of options for several objects, and says which of them differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingest_project.errors import ObjectError
from ingest_project.objects.format_options import CsvDialect, FormatOptions
from ingest_project.objects.unforeseen import unforeseen_as_fault
from ingest_project.preview.csv_dialect import FoundDialect, find_dialect
from ingest_project.preview.heads import Head
from ingest_project.preview.json_rows import Path, find_path
from ingest_project.preview.read_as import ReadAs
from ingest_project.preview.text_encoding import decoded
from ingest_project.settings.model import TableFormat


@dataclass(frozen=True, slots=True)
class Settled:
    """How the objects are read. `notes` say what was not certain, and what differs, with the keys of those objects."""

    read_as: ReadAs
    notes: tuple[str, ...] = ()


def main_format(formats: Sequence[TableFormat | None]) -> TableFormat | None:
    """The commonest format; `json` for NDJSON among documents, because its reader takes both."""
    known = [one for one in formats if one is not None]
    if "json" in known and "ndjson" in known:
        known = ["json" if one == "ndjson" else one for one in known]
    # Of equally common ones the first by name: the same answer whatever the order.
    return min(Counter(known).items(), key=lambda pair: (-pair[1], pair[0]))[0] if known else None


def settle(file_format: TableFormat, heads: Sequence[Head]) -> Settled:
    """The options for these objects, which all are of this format."""
    if file_format == "csv":
        return _settle_csv(heads)
    if file_format == "json":
        return _settle_json(heads)
    return Settled(ReadAs(file_format))


def _settle_json(heads: Sequence[Head]) -> Settled:
    paths: dict[Path, list[str]] = {}
    for head in heads:
        paths.setdefault(_path(head), []).append(head.object.key)
    if not paths:
        return Settled(ReadAs("json"))
    # The top is where rows are for want of a better place, so a path that was found wins a tie.
    path = max(paths, key=lambda one: (len(paths[one]), len(one), one))
    notes = [
        f"{key}: its rows are at {'.'.join(one) or 'the top'}"
        for one in paths
        if one != path
        for key in paths[one]
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
    except ObjectError:  # what it is will be told when it is read
        return ()


def _dialect(head: Head) -> FoundDialect | None:
    text = decoded(head.body)
    if text is None:
        return None
    # Of marked text the reader knows the encoding by itself.
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
    parted = [(head, one.delimiter) for head, one in found if len(one.first) > 1]
    delimiter = _commonest("delimiter", parted, notes)
    charset = _commonest(
        "encoding", [(head, one.encoding) for head, one in found if one.encoding != "ascii"], notes
    )
    quote = next((one.quote for _, one in found if one.quote), None)
    comment = next((one.comment for _, one in found if one.comment), None)
    nulls = {mark for _, one in found for mark in one.null_values}
    has_header = _header([one for _, one in found], notes)
    width = Counter(len(one.first) for _, one in found).most_common(1)[0][0]
    agreed = CsvDialect(
        delimiter=delimiter or ",",
        quote=quote,
        names=None if has_header else tuple(f"column_{place}" for place in range(1, width + 1)),
        encoding=charset or "utf-8",
        null_values=tuple(sorted(nulls)),
        comment=comment,
    )
    return Settled(ReadAs("csv", FormatOptions(csv=agreed)), tuple(notes))


def _commonest(what: str, found: list[tuple[Head, str]], notes: list[str]) -> str | None:
    """The value that most objects have; a note for each object that has another."""
    if not found:
        return None
    counts = Counter(value for _, value in found)
    best = min(counts, key=lambda value: (-counts[value], value))
    notes += [
        f"{head.object.key}: its {what} is {value!r}, not {best!r}" for head, value in found if value != best
    ]
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
