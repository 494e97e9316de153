"""Text in a terminal: a console of the right width, and untrusted text without control characters.

Everyone who may write to a bucket or a queue writes keys, reasons and errors. A key may contain terminal
escape sequences, which would rewrite the reader's screen, and markup, which Rich would interpret.
"""

import os
import sys

from rich.console import Console
from rich.text import Text

PIPED_WIDTH = 160
"""The width if stdout is not a terminal: Rich's default of 80 would wrap every key and every error."""


def make_console() -> Console:
    """A console on stdout. If stdout is not a terminal, it is plain and `PIPED_WIDTH` or `$COLUMNS` wide."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPED_WIDTH if piped else None, highlight=False)


def printable(text: str) -> str:
    """The text on one line, with control characters and invisible ones escaped: `a\\x1b[2J`, `a\\u202eb`."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def cell(text: str, style: str = "") -> Text:
    """The text for a table cell: printable, and never interpreted as Rich's markup."""
    return Text(printable(text), style=style, overflow="fold")
