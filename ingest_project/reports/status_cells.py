"""Tables of the status, and what stands in their cells: numbers, counts, times."""

from collections.abc import Mapping
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ingest_project.reports.terminal import cell

NAMES = ("queue", "table")


def table_with(title: str, *headers: str) -> Table:
    """An empty table; a header that starts with `#` heads numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for header in headers:
        is_number = header.startswith("#")
        # Names are kept whole: they are what people search for, and copy.
        table.add_column(
            header.removeprefix("#"), justify="right" if is_number else "left", no_wrap=header in NAMES
        )
    return table


def number(value: int | None, *, alarming: bool = False) -> Text:
    """A number with its thousands apart; `?` if it is unknown."""
    return cell("?" if value is None else f"{value:,}", "red" if alarming and value else "")


def counted(counts: Mapping[str, int]) -> str:
    """`committed 200, failed 1`."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago that was: `3 h ago`."""
    if then is None:
        return "never"
    seconds = max(0, int((now - then).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
