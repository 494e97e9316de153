"""The demo is done when ledger and queue agree with what was uploaded; anything else is named."""

import pytest

from ingest_project.demo.expectation import expectation
from ingest_project.demo.outcome import is_in, status_problems
from ingest_project.status import Status
from ingest_project_tests.demo.factories import BUCKET, TABLE, status, table_report, upload

EXPECTED = expectation([upload("a", bad_rows=2), upload("b", rows=None)], bucket=BUCKET, tables=[TABLE])
"""One object of ten rows and two bad ones, and one that cannot be read: with the stray one, two messages stay."""


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
            f"{TABLE}: 1 bad rows in the ledger instead of 2",
        ),
        (
            status(table_report(10, 2, committed=1, failed=1, planned=1, pending=2), in_flight=2),
            f"{TABLE}: 3 objects are not settled",
        ),
        (
            status(table_report(10, 2, committed=1), in_flight=2),
            "0 objects were rejected instead of 1",
        ),
        (
            status(table_report(10, 2, committed=1, failed=1), in_flight=7),
            "7 messages are left in the queue instead of the 2 bad ones",
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
