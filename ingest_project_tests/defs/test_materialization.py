"""The sample that the web UI renders as Markdown: untrusted cells must have no effect."""

import html
import re

import polars as pl
import pytest

from ingest_project.defs.materialization import CELL_CHARACTERS, WORD_JOINER, markdown_table


def test_sample_is_a_markdown_table() -> None:
    frame = pl.DataFrame({"order_id": [1, 2], "status": ["paid", None]})

    assert markdown_table(frame).splitlines() == [
        "| order&#95;id | status |",
        "| --- | --- |",
        "| 1 | paid |",
        "| 2 |  |",
    ]


def test_the_tables_own_columns_come_first() -> None:
    frame = pl.DataFrame(
        {"_source_uri": ["u"], "_rescued_data": ["r"], "status": ["paid"], "_batch_id": ["b"], "id": [1]}
    )

    assert markdown_table(frame).splitlines()[2] == "| paid | 1 | u | r | b |"


def test_cells_cannot_break_out_of_the_table_or_into_the_page() -> None:
    nasty = "<script>alert(1)</script> | `x`\n[link](javascript:alert(1)) ![img](x)"

    table = markdown_table(pl.DataFrame({"value": [nasty]}))

    assert len(table.splitlines()) == 3
    row = table.splitlines()[2]
    assert row.count("|") == 2
    assert not set("<>`[]()!") & set(row)


@pytest.mark.parametrize(
    "value",
    ["https://evil.example/x", "see HTTP://evil.example", "www.evil.example", "xWWW.evil.example",
        "ann@evil.example",
     "mailto:ann@evil.example", "s3://landing/a@b.c"],
)  # fmt: skip
def test_bare_urls_and_addresses_of_cells_are_not_links(value: str) -> None:
    """The links that the web UI's Markdown (mdast-util-gfm-autolink-literal) finds after resolving
    references.
    """
    row = markdown_table(pl.DataFrame({value: [value]}))

    shown = html.unescape(row)
    assert not re.search(r"(https?://|www(?=\.))[-.\w]+|[-.\w+]+@[-\w]+(\.[-\w]+)+", shown, re.IGNORECASE)
    assert shown.replace(WORD_JOINER, "").count(value) == 2


def test_long_cells_are_cut() -> None:
    row = markdown_table(pl.DataFrame({"value": ["x" * 1000]})).splitlines()[2]

    assert row == f"| {'x' * (CELL_CHARACTERS - 1)}… |"
