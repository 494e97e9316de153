"""Looks into a few objects of many: what each of them is, and the rows of those that are of the commonest format."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import polars as pl

from ingest_project.aws import Aws
from ingest_project.errors import ObjectError
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.unforeseen import unforeseen_as_fault
from ingest_project.preview.columns import SampledRows
from ingest_project.preview.formats import format_by_content, format_by_name
from ingest_project.preview.heads import Head, read_head
from ingest_project.preview.options import Settled, main_format, settle
from ingest_project.preview.read_as import ReadAs
from ingest_project.preview.rows import read_as_text, read_rows
from ingest_project.settings.model import TableFormat

WORKERS = 8


@dataclass(frozen=True, slots=True)
class SampledObject:
    """One object that was looked into. `format` is what its bytes are, `named` what its name says; None for unknown.

    `rows` were read, of its first part unless `is_whole`, and `rejected` records could not be. `problem` is why nothing
    of it was read, `note` what else there is to know.
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
    """The objects in the order of their keys; the heads and rows of those that could be read; how they were read."""

    objects: tuple[SampledObject, ...]
    heads: tuple[Head, ...]
    rows: tuple[SampledRows, ...]
    settled: Settled | None


def take_sample(aws: Aws, chosen: Sequence[ObjectVersion]) -> Sample:
    """A look into each of these objects. One that cannot be read has its problem told; the rest go on."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="preview") as pool:
        looked = list(pool.map(lambda one: _head(aws, one), chosen))
    formats = {head.object: found for head, found in looked if isinstance(head, Head)}
    common = main_format(list(formats.values()))
    alike = [head for head, found in looked if isinstance(head, Head) and _is_like(found, common)]
    settled = settle(common, alike) if common is not None else None
    objects: list[SampledObject] = []
    heads: list[Head] = []
    rows: list[SampledRows] = []
    for one, (head, _) in zip(chosen, looked, strict=True):
        if isinstance(head, ObjectError):
            objects.append(SampledObject(one.key, one.uri, one.size_bytes, problem=head.reason))
            continue
        about, read = _read(head, formats[one], settled)
        objects.append(about)
        if read is not None:
            heads.append(head)
            rows.append(read)
    return Sample(tuple(objects), tuple(heads), tuple(rows), settled)


def _head(aws: Aws, one: ObjectVersion) -> tuple[Head | ObjectError, TableFormat | None]:
    """The head and its format, or why there is none."""
    try:
        head = read_head(aws, one)
        with unforeseen_as_fault(one.uri):
            return head, format_by_content(head) or format_by_name(one.key)
    except ObjectError as error:
        return error, None


def _is_like(found: TableFormat | None, common: TableFormat | None) -> bool:
    return found == common or (common == "json" and found == "ndjson")


def _read(
    head: Head, found: TableFormat | None, settled: Settled | None
) -> tuple[SampledObject, SampledRows | None]:
    one, named = head.object, format_by_name(head.object.key)
    about = SampledObject(
        key=one.key,
        uri=one.uri,
        size_bytes=one.size_bytes,
        format=found,
        named=named,
        compression=head.compression,
        is_whole=head.is_whole,
        note=_note(head, found, named),
    )
    if settled is None or not _is_like(found, settled.read_as.format):
        problem = (
            f"it is {found or 'empty'}, unlike most of the others" if settled else "nothing tells what it is"
        )
        return replace(about, problem=problem), None
    if settled.read_as.format == "binary":
        return replace(about, rows=1), None
    try:
        with unforeseen_as_fault(one.uri):
            rows = read_rows(head, settled.read_as)
            texts = _texts(head, settled.read_as, rows.frame)
    except ObjectError as error:
        return replace(about, problem=error.reason), None
    note = "; ".join(filter(None, (about.note, rows.reason)))
    about = replace(about, rows=rows.frame.height, rejected=rows.rejected, note=note or None)
    return about, SampledRows(one, rows.frame, texts, rows.rejected, is_csv=settled.read_as.format == "csv")


def _texts(head: Head, read_as: ReadAs, frame: pl.DataFrame) -> pl.DataFrame:
    """The numbers of a CSV file as they are written."""
    names = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    if read_as.format != "csv" or not names:
        return pl.DataFrame()
    return read_as_text(head, read_as, names)


def _note(head: Head, found: TableFormat | None, named: TableFormat | None) -> str | None:
    notes = []
    if named is not None and found is not None and named != found:
        notes.append(f"its name says {named}, its content is {found}")
    if head.members > 1:
        notes.append(f"a zip of {head.members} files, of which the first was read")
    if not head.is_whole:
        notes.append("only its first part was read")
    return "; ".join(notes) or None
