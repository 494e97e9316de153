"""Without a terminal, progress is a line now and then; in one, it is bars."""

import io

from rich.console import Console

from ingest_project.demo.progress import ArrivalProgress

TOTALS = {"sales.orders": 1_200, "web.clicks": 50}


def shown(*states: dict[str, int], terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=terminal)
    with ArrivalProgress(console, TOTALS) as progress:
        for state in states:
            progress.show(state)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_the_first_and_last_state_are_printed_and_others_at_intervals() -> None:
    text = shown({}, {}, {"sales.orders": 700}, {"sales.orders": 1_200, "web.clicks": 50})

    assert text.splitlines() == [
        "rows: sales.orders 0 of 1,200, web.clicks 0 of 50",
        "rows: sales.orders 1,200 of 1,200, web.clicks 50 of 50",
    ]


def test_in_a_terminal_every_table_has_a_bar() -> None:
    text = shown({"sales.orders": 700}, terminal=True)

    assert "sales.orders" in text
    assert "700/1200" in text
    assert "rows: " not in text
