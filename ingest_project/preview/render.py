"""Shows a preview to a person."""

from collections.abc import Sequence
from itertools import takewhile

from rich.console import Console
from rich.table import Table

from ingest_project.preview.compare_with_table import TableMapping
from ingest_project.preview.listing import Listing
from ingest_project.preview.option_words import words_of
from ingest_project.preview.preview import Preview
from ingest_project.preview.queue_look import QueueLook
from ingest_project.preview.render_columns import print_columns, print_sample
from ingest_project.preview.sampling import SampledObject
from ingest_project.preview.values import human
from ingest_project.reports.terminal import cell
from ingest_project.settings.wording import plural

SHOWN_OBJECTS = 30
MARKS = {"same": "green", "widened": "yellow", "missing": "cyan", "extra": "yellow", "conflict": "bold red"}
MEANING = {
    "same": "the table takes it",
    "widened": "the table's type is widened",
    "missing": "null: the files lack it",
    "extra": "the table lacks it: schema_evolution says what follows",
    "conflict": "neither type leads to the other",
}


def render_preview(preview: Preview, console: Console) -> None:
    """Prints all of it: objects, format, columns, sample, partitions, and the comparison with the table."""
    console.print(cell(preview.place.uri, "bold"))
    _print_listing(preview.listing, console)
    if not preview.objects:
        return
    folder = _common_folder(preview.objects)
    below = f", below {folder}" if folder else ""
    count = plural(len(preview.objects), "object")
    console.print(cell(f"{count} looked into{below}", "bold"), soft_wrap=True)
    console.print(_objects(preview.objects, folder))
    if not preview.is_found:
        console.print(cell("none of these objects could be read", "bold red"))
        return
    heading = words_of(preview.format).heading(preview.format, preview.options)
    console.print(cell(f"format: {heading}", "bold"))
    for note in preview.notes:
        console.print(cell(f"  {note}", "yellow"), soft_wrap=True)
    if preview.columns:
        print_columns(preview.columns, console)
        print_sample(preview, console)
    _print_layout(preview, console)
    if preview.mapping is not None:
        _print_mapping(preview.mapping, console)


def render_look(look: QueueLook, console: Console) -> None:
    """Prints what was looked at in a queue, and what that cost."""
    if look.refused is not None:
        console.print(cell(f"queue {look.queue} was not looked into: {look.refused}", "bold red"))
        return
    limit = look.max_receive_count
    console.print(
        cell(
            f"queue {look.queue}: {plural(look.visible, 'message')} visible, {look.in_flight} in flight; "
            f"looked at {look.looked_at}, which name {plural(len(look.objects), 'object')}",
            "bold",
        )
    )
    if look.looked_at:
        counts = "no limit: it has no redrive policy" if limit is None else f"maxReceiveCount is {limit}"
        console.print(
            cell(
                "each of these was received once more by this look, and given back: receive counts are now "
                f"up to {look.highest_receive_count} ({counts})"
            )
        )
    for count, words in (
        (look.at_their_limit, "have no receive left: the next one sends them to the DLQ"),
        (look.near_their_limit, "have one receive left before the DLQ: do not look again"),
        (look.not_given_back, "could not be given back and come back by themselves within 20 seconds"),
        (look.unreadable, "are not S3 events, or hold records that cannot be read"),
        (look.skipped, "records bring no object, such as deletions and tests"),
    ):
        if count:
            console.print(cell(f"  {count} {words}", "yellow"))


def _print_listing(listing: Listing, console: Console) -> None:
    if not listing.objects:
        console.print(
            cell(f"no object with rows; {listing.empty} without (empty or markers){_passed_over(listing)}")
        )
        return
    cut = " (there are more: the listing was cut there)" if listing.is_cut else ""
    empty = f", and {listing.empty} without rows (empty or markers)" if listing.empty else ""
    count = plural(len(listing.objects), "object")
    console.print(cell(f"{count}{cut}, {human(listing.total_bytes)}{empty}{_passed_over(listing)}"))
    if len(listing.objects) == 1:
        return
    smallest, median, largest = listing.sizes or (0, 0, 0)
    console.print(cell(f"sizes: {human(smallest)} to {human(largest)}, half of them up to {human(median)}"))
    console.print(cell(f"first: {listing.objects[0].key}"), soft_wrap=True)
    console.print(cell(f"last:  {listing.objects[-1].key}"), soft_wrap=True)
    kinds = ", ".join(
        f"{number} {name or 'without'}" for name, number in list(listing.extensions.items())[:8]
    )
    console.print(cell(f"extensions: {kinds}"))


def _passed_over(listing: Listing) -> str:
    return f", and {listing.passed_over} that are hidden or excluded" if listing.passed_over else ""


def _common_folder(objects: Sequence[SampledObject]) -> str:
    """The folders that all keys begin with: they are shown once, so the keys are short."""
    keys = [one.key for one in objects]
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(min(keys), max(keys), strict=False))
    folder, slash, _ = "".join(one for one, _ in alike).rpartition("/")
    return folder + slash


def _objects(objects: Sequence[SampledObject], folder: str) -> Table:
    is_packed = any(one.compression for one in objects)
    is_remarked = any(one.problem or one.note for one in objects)
    table = Table()
    for name in ("key", "size", "format", *(["compression"] if is_packed else []), "rows"):
        table.add_column(
            name, justify="right" if name == "size" else "left", no_wrap=name in {"size", "format"}
        )
    if is_remarked:
        table.add_column("remarks")
    for one in objects[:SHOWN_OBJECTS]:
        rejected = f", {one.rejected} bad" if one.rejected else ""
        rows = "" if one.rows is None else f"{one.rows}{rejected}"
        cells = [cell(one.key.removeprefix(folder)), cell(human(one.size_bytes)), cell(one.format or "")]
        cells += [cell(one.compression or "")] if is_packed else []
        cells.append(cell(rows))
        if is_remarked:
            cells.append(cell(one.problem, "red") if one.problem else cell(one.note or "", "yellow"))
        table.add_row(*cells)
    if len(objects) > SHOWN_OBJECTS:
        table.add_row(cell(f"and {len(objects) - SHOWN_OBJECTS} more"))
    return table


def _print_layout(preview: Preview, console: Console) -> None:
    found = preview.partitions
    if found is None:
        console.print(cell("partition: the keys name none that all of them have"))
    else:
        kind = found.settings.every or ("values" if found.settings.values else "dynamic")
        span = found.first if found.count == 1 else f"{found.first} to {found.last}"
        console.print(cell(f"partition: {kind}, {found.count} in the keys: {span}"))
        console.print(cell(f"  pattern: {found.settings.pattern}"), soft_wrap=True)
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
