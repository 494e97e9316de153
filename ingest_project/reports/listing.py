"""Lists in a terminal of any width whose names are never wrapped, so that they can be searched for and
copied.

Rich wraps cells that are too wide for their column. Neither `grep` nor a double click finds a key in three
pieces.
"""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

INDENT = 4
NARROWEST_REMARK = 30
"""The fewest columns for the last field, a sentence, which may be wrapped."""


class Listing:
    """Entries with the same fields. A header that starts with `#` is for numbers; empty fields are left out.

    Each entry is a line if the terminal is wide enough to wrap only the last field. Otherwise its name has
    its own line, which is never wrapped, with the other fields below.
    """

    def __init__(self, *headers: str, title: str | None = None) -> None:
        self._headers = headers
        self._title = title
        self._rows: list[tuple[Text, ...]] = []

    def add(self, *cells: Text) -> None:
        """An entry: a cell for each header."""
        if len(cells) != len(self._headers):
            raise ValueError(f"{len(self._headers)} headers and {len(cells)} cells")
        self._rows.append(cells)

    def print(self, console: Console, *, name: str) -> None:
        """Print all entries. `name` is the header of the field with their names."""
        used = [place for place in range(len(self._headers)) if any(row[place].plain for row in self._rows)]
        narrowest = Measurement.get(
            console, console.options.update(max_width=10_000), self._table(used, clipped=True)
        )
        if narrowest.maximum <= console.width:
            console.print(self._table(used))
        else:
            self._print_entries(console, used, self._headers.index(name))

    def _table(self, used: list[int], *, clipped: bool = False) -> Table:
        table = Table(title=self._title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        for place in used:
            header = self._headers[place]
            is_number, is_last = header.startswith("#"), place == len(self._headers) - 1
            table.add_column(
                header.removeprefix("#"), justify="right" if is_number else "left", no_wrap=not is_last
            )
        for row in self._rows:
            shown = (*row[:-1], row[-1][:NARROWEST_REMARK]) if clipped else row
            table.add_row(*(shown[place] for place in used))
        return table

    def _print_entries(self, console: Console, used: list[int], name: int) -> None:
        if self._title is not None:
            console.print(Text(self._title, style="bold"))
        console.print()
        for row in self._rows:
            if row[name].plain:  # otherwise it is another line of the entry above
                console.print(row[name], soft_wrap=True)
            facts = Text("  ").join(
                Text.assemble((f"{self._headers[place].removeprefix('#')} ", "dim"), row[place])
                for place in used
                if place != name and row[place].plain
            )
            console.print(Padding(facts, (0, 0, 0, INDENT)))
        console.print()
