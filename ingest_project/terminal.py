"""Text in a terminal: a console as wide as its reader, and words of strangers that cannot command it.

Keys, reasons and errors come from whoever may write to a bucket or a queue. A key may hold terminal escape sequences,
which would rewrite the screen of the person who asks what failed, and markup, which Rich would take for its own.
"""

import os
import sys

from rich.console import Console
from rich.text import Text

PIPED_WIDTH = 160
"""Columns where there is no terminal to ask: Rich's own 80 fold every key and every error."""


def make_console() -> Console:
    """A console on stdout: plain and `PIPED_WIDTH` columns wide, or `$COLUMNS`, when that is no terminal."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPED_WIDTH if piped else None, highlight=False)


def printable(text: str) -> str:
    """The text on one line, control characters and invisible ones spelled out: `a\\x1b[2J`, `a\\u202eb`."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def cell(text: str, style: str = "") -> Text:
    """The text for a table cell: printable, and never read as Rich's markup."""
    return Text(printable(text), style=style, overflow="fold")
