"""When too many rows were set aside."""

import pytest

from ingest_project.checks.tables.bad_rows import judge_bad_rows
from ingest_project_tests.checks.tables.factories import batch, settings, totals


@pytest.mark.parametrize(
    ("recent", "last", "passed"),
    [
        (totals(990, 10), batch(99, 1), True),  # the limit itself is allowed
        (totals(989, 11), batch(100), False),
        (totals(100_000, 5), batch(5, 5), False),
        (totals(0, 1), None, False),
        (totals(0), None, True),
    ],
)
def test_window_or_last_batch_above_the_limit_fails(recent: object, last: object, passed: bool) -> None:
    verdict = judge_bad_rows(settings(), 0.01, recent, last)  # type: ignore[arg-type]

    assert (verdict.passed, verdict.severity) == (passed, "warn")


def test_words_blame_the_batch_that_is_to_blame() -> None:
    verdict = judge_bad_rows(settings(), 0.01, totals(100_000, 5), batch(5, 5))

    assert verdict.description == (
        "5 of the 10 rows of batch 20261120T120000000Z-00000000 were set aside (50%); the limit is 1%"
    )
    assert verdict.facts["last_batch_bad_rows"] == 5
    assert verdict.facts["what_to_do"] == (
        "see sales.orders__quarantine for each row's reason; `ingest replay sales.orders` reads its objects "
        "again"
    )


def test_facts_have_the_share_of_the_window() -> None:
    verdict = judge_bad_rows(settings(), 0.05, totals(997, 3), batch(7))

    assert (
        verdict.description
        == "3 of the 1,000 rows of the last 24 hours were set aside (0.3%); the limit is 5%"
    )
    assert verdict.facts["bad_row_share_percent"] == 0.3
    assert verdict.facts["max_bad_row_share_percent"] == 5
    assert (verdict.facts["rows_added"], verdict.facts["bad_rows"]) == (997, 3)
