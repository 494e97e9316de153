"""Writes a preview as a table of ingest.yaml, with comments about what was seen, for a person to review."""

import re
from collections.abc import Iterator

from ingest_project.errors import SettingsError
from ingest_project.preview.columns import FoundColumn
from ingest_project.preview.declared import DeclaredColumn, declared_columns
from ingest_project.preview.option_words import words_of
from ingest_project.preview.preview import Preview
from ingest_project.preview.values import human
from ingest_project.preview.yaml_text import always_quoted, flow, key, value
from ingest_project.reports.terminal import printable
from ingest_project.settings.formats import FIXED_COLUMNS
from ingest_project.settings.model import TableSettings
from ingest_project.settings.partition_settings import PartitionSettings
from ingest_project.settings.validation import validated
from ingest_project.settings.wording import plural
from ingest_project.sources.key_value import HIVE_NULL

COMMENT_CHARACTERS = 160


def entry_lines(preview: Preview, queue: str) -> list[str]:
    """The lines of the entry, the first with its dash, not indented."""
    listing, place, options = preview.listing, preview.place, preview.options
    words = words_of(preview.format)
    lines = [
        _comment(f"from `ingest preview {place.uri}`: look it over, then remove the comments"),
        _comment(
            f"{plural(len(listing.objects), 'object')}{' or more' if listing.is_cut else ''}, "
            f"{human(listing.total_bytes)}; {_read(preview)}"
        ),
        *(_comment(note) for note in preview.notes),
        f"- name: {value(preview.table)}",
        f"  queue: {value(queue)}",
        f"  bucket: {value(place.bucket)}",
        f"  prefix: {value(place.prefix)}",
        *([f"  suffix: {value(preview.suffix)}"] if preview.suffix else []),
        f"  format: {preview.format}",
        *(f"  {line}" for line in words.entry(options, preview.header)),
        *(f"  {line}" for line in _partition(preview)),
        *(f"  {line}" for line in _partition_spec(preview)),
        *(f"  {line}" for line in _columns(preview)),
        *(f"  {line}" for line in _expectations(preview)),
        "  on_overwrite: replace  # the same key written again replaces its rows",
        *(f"  {line}" for line in _schema_evolution(preview)),
        "  bad_rows: quarantine  # rows that do not fit go to a table of their own, with the reason",
    ]
    return [line.rstrip() for line in lines]


def _read(preview: Preview) -> str:
    read = sum(one.problem is None for one in preview.objects)
    if read == len(preview.objects) == len(preview.listing.objects):
        return "all of them were looked into" if read > 1 else "it was looked into"
    return f"{read} of {plural(len(preview.objects), 'sampled object')} could be read"


def routed_table(preview: Preview, queue: str) -> TableSettings:
    """The table's route alone, to compare it with others. Raises SettingsError if a name is not valid."""
    table, faults = validated(
        TableSettings,
        {
            "name": preview.table,
            "queue": queue,
            "bucket": preview.place.bucket,
            "prefix": preview.place.prefix,
            "suffix": preview.suffix,
            "format": preview.format,
        },
    )
    if table is None:
        raise SettingsError([f"{fault.path[-1]}: {fault.text}" for fault in faults])
    return table


def _expectations(preview: Preview) -> Iterator[str]:
    """Makes a header that is read as a record a bad row, unless a column of numbers or times does so."""
    if preview.header is None or any(one.type not in {"string", None} for one in preview.columns):
        return
    names = words_of(preview.format).names(preview.options) or ()
    for own, name in zip(preview.header, names, strict=True):
        if own == name:
            unequal = "\"{}\" <> '{}'".format(name.replace('"', '""'), name.replace("'", "''"))
            yield "expectations:"
            yield f"  is_no_header: {always_quoted(unequal)}"
            return


def _schema_evolution(preview: Preview) -> Iterator[str]:
    if any(one.remedy == "rescue" for one in preview.columns):
        yield (
            "schema_evolution: rescue  # values that can never be of their column's type, "
            "and fields without a column, go into _rescued_data"
        )
    else:
        yield "schema_evolution: add_columns  # columns that arrive later are added"


def _partition(preview: Preview) -> Iterator[str]:
    found = preview.partitions
    if found is None:
        yield "# partition: the keys name none that all objects have, so the asset has no Dagster partitions"
        return
    settings: PartitionSettings = found.settings
    span = found.first if found.count == 1 else f"{found.first} to {found.last}"
    yield f"partition:  {_comment(f'{found.count} in the keys: {span}')}"
    if settings.every is not None:
        yield f"  every: {settings.every}"
        yield f'  start: "{settings.start}"  # the earliest seen; an older object would have no partition'
        if settings.default is not None:
            yield f'  default: "{settings.default}"  # of objects with {HIVE_NULL} in the key'
    elif settings.values is not None:
        listed = ", ".join(flow(name) for name in settings.values)
        yield f"  values: [{listed}]  # an object of any other is refused"
    else:
        yield "  dynamic: true"
    yield "  from: key"
    yield f"  pattern: {always_quoted(settings.pattern or '')}"


def _partition_spec(preview: Preview) -> Iterator[str]:
    usable = {one.name for one in _declared(preview) if one.left_out is None and not one.is_renamed}
    entries = [one for one in preview.partition_spec if one.partition("(")[2].rstrip(")") in usable]
    if entries:
        listed = ", ".join(always_quoted(one) for one in entries)
        yield f"partition_spec: [{listed}]  # how Iceberg lays out the files"


def _declared(preview: Preview) -> tuple[DeclaredColumn, ...]:
    names = words_of(preview.format).names(preview.options)
    return declared_columns(preview.columns, all_fields=names is not None)


def _columns(preview: Preview) -> Iterator[str]:
    if preview.format in FIXED_COLUMNS or not preview.columns:
        return
    declared = _declared(preview)
    is_empty = all(one.left_out or one.is_dropped for one in declared)
    yield "# columns: none can be declared yet; they are inferred" if is_empty else "columns:"
    for one in declared:
        column = one.column
        if one.is_dropped and not one.left_out:
            origin = f", from: {flow(column.name)}" if one.is_renamed else ""
            yield f"  {key(one.name)}: {{drop: true{origin}}}{_seen(column)}"
        elif one.left_out:
            kind = column.type or column.inferred
            yield f"  {_comment(f'{column.name}: {kind} - left out: {one.left_out}')}"
        elif one.is_renamed:
            declared_as = f"{{type: {flow(_type(column))}, from: {flow(column.name)}}}"
            yield f"  {key(one.name)}: {declared_as}{_seen(column)}"
        else:
            yield f"  {key(one.name)}: {_plain_or_quoted(_type(column))}{_seen(column)}"


def _type(column: FoundColumn) -> str:
    return column.type or "string"


def _plain_or_quoted(text: str) -> str:
    return text if re.fullmatch(r"[a-z]+(?:\(\d+,\d+\))?", text) else always_quoted(text)


def _seen(column: FoundColumn) -> str:
    seen = []
    if column.null_rows:
        seen.append(f"null in {column.null_rows} of {column.rows} rows")
    if column.objects < column.sampled:
        seen.append(f"in {column.objects} of {column.sampled} objects")
    seen += column.notes
    if column.examples:
        seen.append(f"such as {column.examples[0]}")
    return f"  {_comment('; '.join(seen))}" if seen else ""


def _comment(text: str) -> str:
    shown = printable(text)
    return f"# {shown[:COMMENT_CHARACTERS]}{'...' if len(shown) > COMMENT_CHARACTERS else ''}"
