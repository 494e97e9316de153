"""Samples a few objects of many: the format of each, and the rows of those of the most frequent format."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import polars as pl

from ingest_project.errors import ObjectError, ObjectUnreadable
from ingest_project.preview.formats import format_by_content, format_by_name
from ingest_project.preview.heads import Head, read_heads
from ingest_project.preview.options import Settled, main_format, settle
from ingest_project.preview.read_as import ReadAs
from ingest_project.preview.rows import read_as_text, read_as_written, read_rows
from ingest_project.preview.sampled_rows import SampledRows
from ingest_project.reading.formats.table import FORMATS, reads
from ingest_project.reading.values.text import nothing_as_null
from ingest_project.settings.formats import TableFormat
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.unforeseen import unforeseen_as_fault

WORKERS = 8


@dataclass(frozen=True, slots=True)
class SampledObject:
    """One sampled object. `format` is that of its bytes, `named` that of its name; None if unknown.

    `rows` were read, of its first part unless `is_whole`, and `rejected` records could not be. `problem` is
    why nothing was read, `note` what else a person should know.
    """

    key: str
    uri: str
    size_bytes: int
    format: TableFormat | None = None
    named: TableFormat | None = None
    compression: str | None = None
    is_whole: bool = False
    rows: int | None = None
    rejected: int = 0
    problem: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The objects, ordered by key; the heads and rows of those that were read; how they were read."""

    objects: tuple[SampledObject, ...]
    heads: tuple[Head, ...]
    rows: tuple[SampledRows, ...]
    settled: Settled | None


def take_sample(aws: Aws, chosen: Sequence[ObjectVersion]) -> Sample:
    """Samples each of these objects. One that cannot be read has a problem; the others are not affected."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="preview") as pool:
        looked = list(pool.map(lambda one: _look(aws, one), chosen))
    files = [file for one in looked for file in one.files]
    common = main_format([file.format for file in files])
    settled = settle(common, [file.head for file in files if reads(common, file.format)]) if common else None
    read = [_read_object(one, found, settled) for one, found in zip(chosen, looked, strict=True)]
    return Sample(
        tuple(about for about, _ in read),
        tuple(head for _, rows in read for head, _ in rows),
        tuple(row for _, rows in read for _, row in rows),
        settled,
    )


@dataclass(frozen=True, slots=True)
class _File:
    head: Head
    format: TableFormat | None


@dataclass(frozen=True, slots=True)
class _Look:
    """The files of one object, only one unless it is a zip; or why nothing of it can be read."""

    files: tuple[_File, ...] = ()
    problem: str | None = None


def _look(aws: Aws, one: ObjectVersion) -> _Look:
    try:
        heads = read_heads(aws, one)
        with unforeseen_as_fault(one.uri):
            return _Look(tuple(_File(head, _format(head)) for head in heads))
    except ObjectError as error:
        return _Look(problem=error.reason)


def _format(head: Head) -> TableFormat | None:
    return format_by_content(head) or format_by_name(head.object.key)


def _read_object(
    one: ObjectVersion, look: _Look, settled: Settled | None
) -> tuple[SampledObject, list[tuple[Head, SampledRows]]]:
    """What is known of an object, and the rows of its files that could be read."""
    if look.problem is not None:
        return SampledObject(one.key, one.uri, one.size_bytes, problem=look.problem), []
    about = _about(one, look.files)
    read: list[tuple[Head, SampledRows]] = []
    problems, notes = [], [about.note]
    for file in look.files:
        try:
            rows, reason = _read(file, settled)
            read.append((file.head, rows))
            notes.append(reason)
        except ObjectError as error:
            problems.append(error.reason if len(look.files) == 1 else f"{file.head.member}: {error.reason}")
    if problems and not read:
        return replace(about, problem="; ".join(problems)), []
    note = "; ".join(filter(None, [*notes, *problems])) or None
    rows_read, rejected = sum(row.frame.height for _, row in read), sum(row.rejected for _, row in read)
    if settled is not None and FORMATS[settled.read_as.format].is_opaque:
        return replace(about, rows=1), []
    return replace(about, rows=rows_read, rejected=rejected, note=note), read


def _about(one: ObjectVersion, files: Sequence[_File]) -> SampledObject:
    first, named = files[0], format_by_name(one.key)
    return SampledObject(
        key=one.key,
        uri=one.uri,
        size_bytes=one.size_bytes,
        format=first.format,
        named=named,
        compression=first.head.compression,
        is_whole=all(file.head.is_whole for file in files) and len(files) >= first.head.members,
        note=_note(files, named),
    )


def _read(file: _File, settled: Settled | None) -> tuple[SampledRows, str | None]:
    """The rows of a file, and why some of its records could not be read. Raises ObjectError."""
    head = file.head
    if settled is None or not reads(settled.read_as.format, file.format):
        unlike = f"it is {file.format or 'empty'}, unlike most of the others"
        raise ObjectUnreadable(head.object.uri, unlike if settled else "nothing tells what it is")
    read_as = settled.read_as
    member = head.member if head.members > 1 else None
    if FORMATS[read_as.format].is_opaque:
        return SampledRows(head.object, pl.DataFrame(), format=read_as.format, member=member), None
    with unforeseen_as_fault(head.object.uri):
        rows = read_rows(head, read_as)
        numerals = _numerals(head, read_as, rows.frame)
        written = (
            numerals
            if FORMATS[read_as.format].values == "text"
            else read_as_written(head, read_as, rows.frame)
        )
    sampled = SampledRows(
        head.object, rows.frame, numerals, written, rows.rejected, format=read_as.format, member=member
    )
    return sampled, rows.reason


def _numerals(head: Head, read_as: ReadAs, frame: pl.DataFrame) -> pl.DataFrame:
    """The numbers of a file whose values are text, as they are written."""
    names = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    if FORMATS[read_as.format].values != "text" or not names:
        return pl.DataFrame()
    written = read_as_text(head, read_as, frame, names)
    return written.with_columns(nothing_as_null(written[name]) for name in written.columns)


def _note(files: Sequence[_File], named: TableFormat | None) -> str | None:
    notes = []
    first = files[0]
    # NDJSON is often called `.json`, which is not worth a note.
    if named is not None and first.format is not None and not reads(named, first.format):
        notes.append(f"its name says {named}, its content is {first.format}")
    if first.head.members > 1:
        count = "all" if len(files) == first.head.members else f"{len(files)}"
        notes.append(f"a zip of {first.head.members} files, {count} of which were looked into")
    if not all(file.head.is_whole for file in files):
        notes.append("only its first part was read")
    return "; ".join(notes) or None
