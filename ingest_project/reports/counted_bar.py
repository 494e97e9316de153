"""A progress bar on stderr, if that is a terminal, for commands that work through many messages."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


class CountedBar:
    """A bar with counts beside it. If the total is known from the start, it shows the percentage too."""

    def __init__(self, description: str, *, total: int | None = None) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *([TaskProgressColumn()] if total is not None else []),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task(description, total=total, counts="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, *, completed: int, counts: str, total: int | None = None) -> None:
        """Show so much as done, and these counts; a `total` replaces the earlier one."""
        self._bar.update(self._task, completed=completed, total=total, counts=counts)
