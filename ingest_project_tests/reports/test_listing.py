"""Lists of entries: a line each where they fit, and names that stay whole where they do not."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from ingest_project.reports.listing import Listing

NAME = "orders/part-000.ndjson"


def printed(listing: Listing, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    listing.print(console, name="object")
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]


def listing(*, reason: str = "") -> Listing:
    one = Listing("object", "#rows", "reason", title="Objects")
    one.add(Text(NAME), Text("12"), Text(reason))
    one.add(Text("b"), Text("7"), Text(""))
    return one


def test_wide_enough_terminal_has_a_line_for_each_and_no_empty_column() -> None:
    title, header, _, first, second = printed(listing(), 40)

    assert title == "Objects"
    assert header.split() == ["object", "rows"]
    assert first.split() == [NAME, "12"]
    assert second.split() == ["b", "7"]


def test_narrow_terminal_has_names_on_lines_of_their_own() -> None:
    lines = printed(listing(reason="cut off, upload it again"), 30)

    assert lines == [
        "Objects", NAME, "    rows 12  reason cut off,", "    upload it again", "b", "    rows 7",
    ]  # fmt: skip


def test_only_the_last_field_is_folded() -> None:
    lines = printed(listing(reason="the file is cut off after 1,024 bytes, upload it again"), 70)

    (first,) = [line for line in lines if NAME in line]
    assert first.split()[:5] == [NAME, "12", "the", "file", "is"]
    assert " ".join(" ".join(lines).split()).count("upload it again") == 1


def test_name_wider_than_the_terminal_is_one_line() -> None:
    assert NAME in printed(listing(), 10)


def test_entry_needs_a_cell_for_each_header() -> None:
    with pytest.raises(ValueError, match="3 headers and 1 cells"):
        listing().add(Text("a"))
