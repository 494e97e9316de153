"""The sample that the web UI renders as Markdown: cells come from files, so nothing in them may take effect."""

import polars as pl

from ingest_project.defs.materialization import CELL_CHARACTERS, markdown_table


def test_sample_is_a_markdown_table() -> None:
    frame = pl.DataFrame({"order_id": [1, 2], "status": ["paid", None]})

    assert markdown_table(frame).splitlines() == [
        "| order&#95;id | status |",
        "| --- | --- |",
        "| 1 | paid |",
        "| 2 |  |",
    ]


def test_cells_cannot_break_out_of_the_table_or_into_the_page() -> None:
    nasty = "<script>alert(1)</script> | `x`\n[link](javascript:alert(1)) ![img](x)"

    table = markdown_table(pl.DataFrame({"value": [nasty]}))

    assert len(table.splitlines()) == 3
    row = table.splitlines()[2]
    assert row.count("|") == 2
    assert not set("<>`[]()!") & set(row)


def test_long_cells_are_cut() -> None:
    row = markdown_table(pl.DataFrame({"value": ["x" * 1000]})).splitlines()[2]

    assert row == f"| {'x' * (CELL_CHARACTERS - 1)}… |"
