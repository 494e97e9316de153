"""Shows a preview to a person."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ingest_project.preview.columns import FoundColumn
from ingest_project.preview.listing import Listing
from ingest_project.preview.mapping import TableMapping
from ingest_project.preview.preview import Preview
from ingest_project.preview.queue_look import QueueLook
from ingest_project.preview.sampling import SampledObject
from ingest_project.terminal import cell

SHOWN_OBJECTS = 30
SAMPLE_COLUMNS = 12
MARKS = {"same": "green", "widened": "yellow", "missing": "cyan", "extra": "yellow", "conflict": "bold red"}
MEANING = {
    "same": "the table takes it",
    "widened": "the table's type is widened",
    "missing": "null: the files lack it",
    "extra": "the table lacks it: schema_evolution says what follows",
    "conflict": "neither type leads to the other",
}
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def render_preview(preview: Preview, console: Console) -> None:
    """Print all of it: objects, format, columns, sample, partitions, and the mapping to the table."""
    console.print(cell(preview.place.uri, "bold"))
    _print_listing(preview.listing, console)
    if not preview.objects:
        return
    console.print(cell(f"{len(preview.objects)} objects looked into", "bold"))
    console.print(_objects(preview.objects))
    if not preview.is_found:
        console.print(cell("nothing of it could be read", "bold red"))
        return
    console.print(cell(f"format: {_format(preview)}", "bold"))
    for note in preview.notes:
        console.print(cell(f"  {note}", "yellow"))
    if preview.columns:
        console.print(cell(f"{len(preview.columns)} columns", "bold"))
        console.print(_columns(preview.columns))
        _print_sample(preview, console)
    _print_layout(preview, console)
    if preview.mapping is not None:
        _print_mapping(preview.mapping, console)


def render_look(look: QueueLook, console: Console) -> None:
    """Print what was looked at in a queue, and what that cost."""
    if look.refused is not None:
        console.print(cell(f"queue {look.queue} was not looked into: {look.refused}", "bold red"))
        return
    limit = look.max_receive_count
    console.print(
        cell(
            f"queue {look.queue}: {look.visible} messages visible, {look.in_flight} in flight; looked at {look.looked_at}, "
            f"which name {len(look.objects)} objects",
            "bold",
        )
    )
    if look.looked_at:
        counts = "no limit: it has no redrive policy" if limit is None else f"maxReceiveCount is {limit}"
        console.print(
            cell(
                f"each of these was received once more by this look, and given back: receive counts are now up to "
                f"{look.highest_receive_count} ({counts})"
            )
        )
    for count, words in (
        (look.at_their_limit, "have no receive left: the next one sends them to the DLQ"),
        (look.near_their_limit, "have one receive left before the DLQ: do not look again"),
        (look.not_given_back, "could not be given back and come back by themselves within 20 seconds"),
        (look.unreadable, "are no S3 events, or hold records that nobody can read"),
        (look.skipped, "records bring no object, such as deletions and tests"),
    ):
        if count:
            console.print(cell(f"  {count} {words}", "yellow"))


def human(size_bytes: int) -> str:
    """A size as people read it: `4.2 MiB`."""
    size, unit = float(size_bytes), 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size_bytes} B" if unit == 0 else f"{size:.1f} {UNITS[unit]}"


def _print_listing(listing: Listing, console: Console) -> None:
    if not listing.objects:
        console.print(cell(f"no object with rows; {listing.empty} empty ones or markers"))
        return
    smallest, median, largest = listing.sizes or (0, 0, 0)
    cut = " (there are more: the listing was cut there)" if listing.is_cut else ""
    empty = f", and {listing.empty} empty ones or markers without rows" if listing.empty else ""
    console.print(cell(f"{len(listing.objects)} objects{cut}, {human(listing.total_bytes)}{empty}"))
    console.print(cell(f"sizes: {human(smallest)} to {human(largest)}, half of them up to {human(median)}"))
    console.print(cell(f"first: {listing.objects[0].key}"))
    console.print(cell(f"last:  {listing.objects[-1].key}"))
    kinds = ", ".join(f"{name or 'none'}: {count}" for name, count in list(listing.extensions.items())[:8])
    console.print(cell(f"extensions: {kinds}"))


def _objects(objects: Sequence[SampledObject]) -> Table:
    table = Table()
    for name in ("key", "size", "format", "compression", "rows", "remarks"):
        table.add_column(name)
    for one in objects[:SHOWN_OBJECTS]:
        rejected = f", {one.rejected} cannot be read" if one.rejected else ""
        rows = "" if one.rows is None else f"{one.rows}{rejected}"
        remark = cell(one.problem, "red") if one.problem else cell(one.note or "", "yellow")
        table.add_row(
            cell(one.key),
            cell(human(one.size_bytes)),
            cell(one.format or ""),
            cell(one.compression or ""),
            cell(rows),
            remark,
        )
    if len(objects) > SHOWN_OBJECTS:
        table.add_row(cell(f"and {len(objects) - SHOWN_OBJECTS} more"))
    return table


def _format(preview: Preview) -> str:
    csv, path = preview.options.csv, preview.options.json_path
    if preview.format == "csv":
        header = "with a header" if csv.names is None else "without a header"
        nulls = f", null is {', '.join(csv.null_values)}" if csv.null_values else ""
        comment = f", comments start with {csv.comment}" if csv.comment else ""
        quote = "no quotes" if csv.quote is None else f"quote {csv.quote}"
        return f"csv, {header}, delimiter {csv.delimiter!r}, {quote}, {csv.encoding}{nulls}{comment}"
    return f"json, rows at {'.'.join(path)}" if path else str(preview.format)


def _columns(columns: Sequence[FoundColumn]) -> Table:
    table = Table()
    for name in ("column", "type", "null", "in objects", "such as", "remarks"):
        table.add_column(name)
    for one in columns:
        nulls = f"{one.null_rows} of {one.rows}" if one.is_nullable else "never"
        table.add_row(
            cell(one.name),
            cell(one.type or "not known"),
            cell(nulls),
            cell(f"{one.objects} of {one.sampled}"),
            cell(", ".join(one.examples)),
            cell("; ".join(one.notes), "yellow"),
        )
    return table


def _print_sample(preview: Preview, console: Console) -> None:
    if not preview.rows:
        return
    names = [one.name for one in preview.columns]
    more = (
        f"; {len(names) - SAMPLE_COLUMNS} more columns are not shown" if len(names) > SAMPLE_COLUMNS else ""
    )
    console.print(cell(f"{len(preview.rows)} rows, from one object after the other{more}", "bold"))
    table = Table()
    for name in names[:SAMPLE_COLUMNS]:
        table.add_column(cell(name))
    for row in preview.rows:
        values = (row.get(name) for name in names[:SAMPLE_COLUMNS])
        table.add_row(*(cell("null", "dim") if value is None else cell(value) for value in values))
    console.print(table)


def _print_layout(preview: Preview, console: Console) -> None:
    found = preview.partitions
    if found is None:
        console.print(cell("partition: the keys name none that all of them have"))
    else:
        kind = found.settings.every or ("values" if found.settings.values else "dynamic")
        console.print(
            cell(
                f"partition: {kind}, {found.count} of them, {found.first} to {found.last}; pattern {found.settings.pattern}"
            )
        )
    if preview.partition_spec:
        console.print(cell(f"partition_spec: {', '.join(preview.partition_spec)}"))


def _print_mapping(mapping: TableMapping, console: Console) -> None:
    if mapping.problem is not None:
        console.print(cell(f"table {mapping.table}: {mapping.problem}", "red"))
        return
    if not mapping.exists:
        console.print(cell(f"table {mapping.table}: does not exist yet"))
        return
    console.print(cell(f"the files against table {mapping.table}", "bold"))
    table = Table()
    for name in ("column", "verdict", "files", "table", "meaning"):
        table.add_column(name)
    for one in mapping.columns:
        mark = cell(one.verdict, MARKS[one.verdict])
        table.add_row(
            cell(one.name), mark, cell(one.found or ""), cell(one.actual or ""), cell(MEANING[one.verdict])
        )
    console.print(table)
