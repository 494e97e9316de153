"""When a partition has remarkably few rows, or many."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from ingest_project.checks.tables.row_count import Counts, judge_row_count
from ingest_project.checks.tables.verdict import Records, Verdict
from ingest_project.checks.tables.windows import Window, windows_before
from ingest_project.settings.partition_windows import PartitionEvery

NOW = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - a naive UTC time, as Dagster's keys are


def judged(rows: Sequence[int], every: PartitionEvery = "day", asked: list[str] | None = None) -> Verdict:
    """The verdict on windows with these rows, newest first, and nothing before them."""
    windows = windows_before(every, NOW, late_files=False)
    by_key = {next(windows).key: count for count in rows}

    def count_rows(wanted: Sequence[Window]) -> Counts:
        if asked is not None:
            asked.extend(window.key for window in wanted)
        return [(window, by_key.get(window.key, 0)) for window in wanted]

    return judge_row_count(every, windows_before(every, NOW, late_files=False), count_rows)


def test_day_is_compared_with_the_same_weekday_of_earlier_weeks() -> None:
    week = [100, 1_000, 1_000, 1_000, 10, 10, 1_000]  # of Thursdays, whose rows are few

    assert judged([110, *week[1:], *week * 5]).passed
    assert not judged([1_000, *week[1:], *week * 5]).passed


@pytest.mark.parametrize(("rows", "passed"), [(0, False), (49, False), (50, True), (200, True), (201, False)])
def test_half_or_twice_as_many_rows_are_nothing_unusual(rows: int, passed: bool) -> None:
    verdict = judged([rows, *[100] * 40])

    assert (verdict.passed, verdict.severity) == (passed, "warn")
    assert (verdict.facts["expected_from"], verdict.facts["expected_to"]) == (50, 200)


def test_one_odd_day_among_the_earlier_ones_changes_nothing() -> None:
    quiet = [100] * 42
    odd = list(quiet)
    odd[13] = 1_000_000

    assert judged([10, *odd]).facts["median_rows"] == judged([10, *quiet]).facts["median_rows"]
    assert not judged([10, *odd]).passed


def test_rows_that_vary_much_anyway_may_vary() -> None:
    restless = [(1 + number // 7 % 5) * 100 for number in range(42)]

    assert judged([800, *restless]).passed
    assert not judged([800, *[300] * 42]).passed


def test_first_weeks_are_compared_with_the_days_before_and_only_tenfold() -> None:
    assert judged([11, *[100] * 7]).passed
    assert not judged([9, *[100] * 7]).passed
    assert not judged([0, *[100] * 7]).passed


@pytest.mark.parametrize("history", [[], [100] * 6])
def test_too_little_history_passes_saying_so(history: list[int]) -> None:
    verdict = judged([0, *history])

    assert verdict.passed
    assert verdict.description.endswith("there are too few earlier ones to compare it with")


def test_days_before_the_first_rows_are_ignored() -> None:
    assert judged([0, *[100] * 6, *[0] * 40]).passed


def test_facts_name_what_was_compared() -> None:
    verdict = judged([100] * 43)

    compared = verdict.facts["compared_with"]
    assert isinstance(compared, Records)
    assert [row["partition"] for row in compared.rows][:2] == ["2026-11-12", "2026-11-05"]
    assert verdict.description == "2026-11-19 has 100 rows; from 50 to 200 were expected after the 6 like it"


@pytest.mark.parametrize(("every", "most"), [("hour", 21), ("day", 21), ("week", 7), ("month", 7)])
def test_no_more_than_a_few_windows_are_counted(every: PartitionEvery, most: int) -> None:
    asked: list[str] = []

    judged([100] * 2, every, asked)

    assert len(asked) <= most


def test_hour_is_compared_with_the_same_hour_of_earlier_days() -> None:
    night = [10 if number % 24 == 0 else 1_000 for number in range(24 * 7)]

    assert judged(night, "hour").passed
    assert not judged([1_000, *night[1:]], "hour").passed


def test_month_is_compared_with_the_months_before() -> None:
    assert not judged([10, 100, 100, 100, 100], "month").passed
    assert judged([10, 100, 100, 100], "month").passed  # three are too few


def test_table_that_has_no_full_partition_yet_passes() -> None:
    assert judge_row_count("day", [], lambda asked: [(window, 0) for window in asked]).passed
