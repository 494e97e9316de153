"""The demo is done when ledger and queue agree with what was uploaded; anything else is named."""

import pytest

from ingest_project.demo.dagster_dev import DagsterRun
from ingest_project.demo.expectation import expectation
from ingest_project.demo.outcome import is_in, run_problems, status_problems
from ingest_project.reports.status import Status
from ingest_project_tests.demo.factories import BUCKET, TABLE, status, table_report, upload

EXPECTED = expectation([upload("a", bad_rows=2), upload("b", rows=None)], bucket=BUCKET, tables=[TABLE])
"""One object of ten rows and two bad ones, and one that cannot be read: with the stray one, two messages
stay."""


@pytest.mark.parametrize(("in_flight", "dead"), [(2, 0), (1, 1), (0, 2)])
def test_all_is_in_when_only_the_bad_messages_are_left_wherever_they_are(in_flight: int, dead: int) -> None:
    assert is_in(status(table_report(10, 2, committed=1, failed=1), in_flight=in_flight, dead=dead), EXPECTED)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (
            status(table_report(9, 2, committed=1, failed=1), in_flight=2),
            f"{TABLE}: 9 rows in the ledger instead of 10",
        ),
        (
            status(table_report(10, 1, committed=1, failed=1), in_flight=2),
            f"{TABLE}: 1 bad row in the ledger instead of 2",
        ),
        (
            status(table_report(10, 2, committed=1, failed=1, planned=1, pending=2), in_flight=2),
            f"{TABLE}: 3 objects not settled yet",
        ),
        (
            status(table_report(10, 2, committed=1), in_flight=2),
            "0 rejected objects instead of 1",
        ),
        (
            status(table_report(10, 2, committed=1, failed=1), in_flight=7),
            "7 messages in the queue instead of the 2 bad ones",
        ),
        (
            status(table_report(10, 2, committed=1, failed=1), in_flight=2, error="no answer"),
            "no answer",
        ),
    ],
)
def test_what_is_not_as_it_must_be_is_named_and_not_all_is_in(found: Status, problem: str) -> None:
    assert status_problems(found, EXPECTED) == [problem]
    assert not is_in(found, EXPECTED)


def test_a_run_that_did_not_succeed_is_a_problem_whatever_its_rows() -> None:
    runs = [DagsterRun("1", "landing_ingest", "SUCCESS"), DagsterRun("2", "landing_ingest", "FAILURE")]

    assert run_problems(runs) == ["run 2 of landing_ingest is FAILURE"]
    assert run_problems(runs[:1]) == []
    assert run_problems([]) == ["Dagster has no run"]
