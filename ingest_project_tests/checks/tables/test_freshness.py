"""When a table's last commit is too old."""

from datetime import timedelta

import pytest

from ingest_project.checks.tables.freshness import judge_freshness
from ingest_project_tests.checks.tables.factories import NOW, batch


@pytest.mark.parametrize(
    ("age", "passed"), [(timedelta(hours=26), True), (timedelta(hours=26, seconds=1), False)]
)
def test_commit_that_is_older_than_promised_fails(age: timedelta, passed: bool) -> None:
    verdict = judge_freshness(timedelta(hours=26), batch(1, committed_at=NOW - age), NOW)

    assert (verdict.passed, verdict.severity) == (passed, "error")
    assert verdict.facts["age_seconds"] == age.total_seconds()


def test_table_without_a_commit_is_not_fresh() -> None:
    verdict = judge_freshness(timedelta(hours=26), None, NOW)

    assert not verdict.passed
    assert verdict.description == "nothing was ever committed; one within 26 h is promised"


def test_words_stay_the_same_while_nothing_happens() -> None:
    first, later = (
        judge_freshness(timedelta(hours=1), batch(1), now) for now in (NOW, NOW + timedelta(minutes=5))
    )

    assert first.description == later.description


def test_commit_by_a_clock_ahead_of_ours_has_no_age() -> None:
    verdict = judge_freshness(timedelta(hours=1), batch(1, committed_at=NOW + timedelta(minutes=1)), NOW)

    assert (verdict.passed, verdict.facts["age_seconds"]) == (True, 0)
