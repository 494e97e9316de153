"""How many bad rows are too many: a count, or a share that is met to the row."""

import pytest

from ingest_project.settings.row_limit import row_limit


@pytest.mark.parametrize("percent", range(100))
def test_share_that_is_just_reached_is_not_exceeded(percent: int) -> None:
    limit = row_limit(f"{percent}%")
    assert not limit.is_exceeded(percent, 100)
    assert limit.is_exceeded(percent + 1, 100)


@pytest.mark.parametrize(
    ("written", "bad_rows", "rows"),
    [("0.7%", 7, 1_000), ("0.000007%", 7, 100_000_000), ("12.5%", 1, 8), (2, 2, 2)],
)
def test_parts_of_a_percent_and_counts_are_met_to_the_row_too(
    written: int | str, bad_rows: int, rows: int
) -> None:
    limit = row_limit(written)
    assert not limit.is_exceeded(bad_rows, rows)
    assert limit.is_exceeded(bad_rows + 1, rows + 1)


def test_object_without_rows_exceeds_no_share() -> None:
    assert not row_limit("0%").is_exceeded(0, 0)
