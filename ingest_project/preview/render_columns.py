"""Shows the columns of a preview and some of its rows, in the width of the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from ingest_project.preview.columns import FoundColumn
from ingest_project.preview.preview import Preview
from ingest_project.preview.values import cut
from ingest_project.reports.terminal import cell, printable
from ingest_project.settings.wording import plural

NAME_CHARACTERS = 24
"""The width of a name, and of a value in the sample if there is no room for more."""
SHORTEST_CHARACTERS = 12
"""The least width of a type and of examples, however narrow the terminal is."""
BORDER_CHARACTERS = 3
"""The width that a table needs for each column in addition to its text."""


def print_columns(columns: Sequence[FoundColumn], console: Console) -> None:
    """Prints a line for each column, and the notes on columns below the table."""
    has_gaps = any(one.objects < one.sampled for one in columns)
    nulls = [f"{one.null_rows} of {one.rows}" if one.is_nullable else "never" for one in columns]
    room = _room(columns, [*nulls, *(["in objects"] if has_gaps else [])], console.width)
    table = Table()
    table.add_column("column", width=room.name)
    for name in ("type", "null", *(["in objects"] if has_gaps else []), "such as"):
        table.add_column(name, no_wrap=True)
    for one, null in zip(columns, nulls, strict=True):
        table.add_row(
            cell(one.name),
            cell(cut(printable(one.type or "not known"), room.type)),
            cell(null),
            *([cell(f"{one.objects} of {one.sampled}")] if has_gaps else []),
            cell(_examples(one, room.examples)),
        )
    console.print(cell(plural(len(columns), "column"), "bold"))
    console.print(table)
    _print_notes(columns, console)


@dataclass(frozen=True, slots=True)
class _Room:
    """How many characters of each fit into one line."""

    name: int
    type: int
    examples: int


def _room(columns: Sequence[FoundColumn], others: Sequence[str], width: int) -> _Room:
    """Names get what they need up to a limit, else they are folded; types get two fifths of the rest."""
    name = min(NAME_CHARACTERS, max(len(printable(one.name)) for one in columns))
    has_gaps = "in objects" in others
    used = max(map(len, others)) + (len("in objects") + BORDER_CHARACTERS) * has_gaps
    left = width - 1 - 4 * BORDER_CHARACTERS - max(name, len("column")) - used
    longest_type = max(len(printable(one.type or "not known")) for one in columns)
    of_type = min(longest_type, max(SHORTEST_CHARACTERS, left * 2 // 5))
    return _Room(max(name, len("column")), of_type, max(SHORTEST_CHARACTERS, left - of_type))


def _print_notes(columns: Sequence[FoundColumn], console: Console) -> None:
    notes: dict[str, list[str]] = {}
    for one in columns:
        if one.notes:
            notes.setdefault("; ".join(one.notes), []).append(one.name)
    for note, names in notes.items():
        console.print(cell(f"  {', '.join(names)}: {note}", "yellow"), soft_wrap=True)


def _examples(column: FoundColumn, limit: int) -> str:
    """As many as fit; the first in any case, truncated if necessary."""
    shown = ""
    for example in column.examples:
        longer = f"{shown}, {printable(example)}" if shown else cut(printable(example), limit)
        if shown and len(longer) > limit:
            break
        shown = longer
    return shown


def print_sample(preview: Preview, console: Console) -> None:
    """Prints the rows, each in one line: the columns that fit, with long values truncated."""
    if not preview.rows:
        return
    names = [one.name for one in preview.columns]
    shown = _that_fit(preview, names, console.width)
    left = len(names) - len(shown)
    more = f"; there is no room for {plural(left, 'more column')}" if left else ""
    limit = max(NAME_CHARACTERS, console.width // len(shown) - BORDER_CHARACTERS)
    console.print(cell(f"{plural(len(preview.rows), 'row')}, from one object after the other{more}", "bold"))
    table = Table()
    for name in shown:
        table.add_column(cell(cut(printable(name), limit)), no_wrap=True)
    for row in preview.rows:
        values = (row.get(name) for name in shown)
        table.add_row(
            *(cell("null", "dim") if one is None else cell(cut(printable(one), limit)) for one in values)
        )
    console.print(table)


def _that_fit(preview: Preview, names: Sequence[str], width: int) -> list[str]:
    """The first columns that fit into the width together, at least one."""
    found: list[str] = []
    used = 1
    for name in names:
        texts = (name, *(row.get(name) or "null" for row in preview.rows))
        used += min(NAME_CHARACTERS, max(len(printable(text)) for text in texts)) + BORDER_CHARACTERS
        if found and used > width:
            break
        found.append(name)
    return found
