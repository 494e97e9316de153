"""What `checks` of a table may say."""

from datetime import timedelta
from pathlib import Path

import pytest

from ingest_project.settings.check_settings import ChecksSettings
from ingest_project_tests.settings.factories import MINIMAL, problems_of, table


def test_defaults_promise_nothing_but_look_at_everything() -> None:
    assert table().checks == ChecksSettings(
        max_bad_row_share="1%",
        fresh_within=None,
        row_count_anomaly=True,
        schema_drift=True,
        dlq=True,
        failed_objects=True,
    )
    assert (table().checks.bad_row_share, table().checks.longest_silence) == (0.01, None)


def test_yaml_needs_no_quotes() -> None:
    checks = table("checks: {max_bad_row_share: 0.5%, fresh_within: 26h, dlq: false}").checks

    assert (checks.bad_row_share, checks.longest_silence, checks.dlq) == (0.005, timedelta(hours=26), False)


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ("{fresh_within: 26}", "tables[0].checks.fresh_within: text is expected, not a number"),
        ("{fresh_within: soon}", "not a length of time; write a number and s, m, h, d or w, like 26h"),
        ("{fresh_within: 0h}", "a length of time must be more than zero"),
        ("{max_bad_row_share: '10'}", 'not a share of rows; write it like "1%"'),
        ("{max_bad_row_share: 101%}", "not a share of rows"),
        ("{dql: false}", "unknown key; did you mean dlq?"),
    ],
)
def test_faults_name_the_key_and_the_remedy(tmp_path: Path, checks: str, problem: str) -> None:
    (found,) = problems_of(tmp_path, MINIMAL + f"    checks: {checks}\n")

    assert problem in found
