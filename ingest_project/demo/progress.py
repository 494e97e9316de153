"""The progress of arriving rows: bars in a terminal, otherwise a line every few seconds."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINE_SECONDS = 5.0


class ArrivalProgress:
    """Shows how many of the expected rows each table has. `totals` has the expected rows by table."""

    def __init__(self, console: Console, totals: Mapping[str, int]) -> None:
        self._console = console
        self._totals = totals
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks = {table: self._bars.add_task(table, total=total) for table, total in totals.items()}
        self._next_line_at = 0.0
        self._last_line = ""

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, rows: Mapping[str, int]) -> None:
        """Show the rows that the tables have now; may be called at any rate."""
        for table, task in self._tasks.items():
            self._bars.update(task, completed=rows.get(table, 0))
        if not self._console.is_terminal:
            self._print_line(rows)

    def _print_line(self, rows: Mapping[str, int]) -> None:
        counts = (f"{table} {rows.get(table, 0):,} of {total:,}" for table, total in self._totals.items())
        line = f"rows: {', '.join(counts)}"
        is_complete = all(rows.get(table, 0) == total for table, total in self._totals.items())
        if line == self._last_line or (time.monotonic() < self._next_line_at and not is_complete):
            return
        self._console.print(line)
        self._last_line = line
        self._next_line_at = time.monotonic() + LINE_SECONDS
