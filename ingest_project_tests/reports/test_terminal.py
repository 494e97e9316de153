"""What strangers wrote, shown to people."""

import io

import pytest
from rich.console import Console

from ingest_project.reports.terminal import cell, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("orders/a b+c é%2B.json", "orders/a b+c é%2B.json"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u009bb", "a\\x9bb"),
        ("a\ud800b", "a\\ud800b"),
    ],
)
def test_characters_that_would_command_the_terminal_are_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_markup_and_emoji_codes_in_a_key_are_shown_as_they_are() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)

    console.print(cell("[red]orders[/red]/:boom:.json"))

    assert isinstance(console.file, io.StringIO)
    assert "[red]orders[/red]/:boom:.json" in console.file.getvalue()
