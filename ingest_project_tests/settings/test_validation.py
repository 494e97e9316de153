from pathlib import Path

import pytest

from ingest_project.settings.validation import suggestion
from ingest_project_tests.settings.factories import MINIMAL, problems_of


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("sufix: .csv", "9: tables[0].sufix: unknown key; did you mean suffix?"),
        ("partition: {evry: day}", "9: tables[0].partition.evry: unknown key; did you mean every?"),
        (
            "batch: {limit: 5}",
            (
                "9: tables[0].batch.limit: unknown key; known are max_objects, max_bytes, max_object_bytes, "
                "max_expanded_bytes, max_record_bytes, portion_bytes"
            ),
        ),
        ("batch: {max_object_bytes: 0}", "9: tables[0].batch.max_object_bytes: must be at least 1; raise it"),
        (
            "on_error: {mising: park}",
            "9: tables[0].on_error.mising: no such class of errors; did you mean missing?",
        ),
        (
            "on_error: {missing: acknowlege}",
            (
                "9: tables[0].on_error.missing: must be retry, release, park or acknowledge; "
                "did you mean acknowledge?"
            ),
        ),
        ("batch: {max_objects: 0}", "9: tables[0].batch.max_objects: must be at least 1; raise it"),
        (
            "on_overwrite: apend",
            "9: tables[0].on_overwrite: must be replace, append or ignore; did you mean append?",
        ),
        (
            "on_overwrite: 5",
            "9: tables[0].on_overwrite: must be replace, append or ignore; choose one of them",
        ),
        ("description: 5", "9: tables[0].description: text is expected, not a number; put it in quotes"),
        (
            "columns: {a: yes}",
            "9: tables[0].columns.a: text is expected, not true or false; put it in quotes",
        ),
        (
            "owners: team:x",
            "9: tables[0].owners: a list is expected, not text; write [...], or one `- ` line for each entry",
        ),
        (
            "batch: 5",
            (
                "9: tables[0].batch: keys and values are expected, not a number; "
                "write one `key: value` line for each"
            ),
        ),
    ],
)
def test_a_fault_names_line_key_and_remedy(tmp_path: Path, line: str, problem: str) -> None:
    assert problem in problems_of(tmp_path, f"{MINIMAL}    {line}\n")


def test_a_missing_key_has_the_line_of_the_entry_that_lacks_it(tmp_path: Path) -> None:
    text = MINIMAL.replace("    bucket: acme-landing\n", "")

    assert problems_of(tmp_path, text) == ["5: tables[0].bucket: is missing; add it"]


def test_a_decimal_without_quotes_in_braces_is_explained(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, f"{MINIMAL}    columns: {{amount: decimal(12,2)}}\n")

    assert any("put a value with a comma in quotes" in problem for problem in problems)


def test_base_dir_is_not_a_key_of_the_file(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, f"base_dir: /tmp\n{MINIMAL}")

    assert problem.startswith(
        "1: base_dir: unknown key; known are aws, ledger, catalog, metadata_catalog, alerts, queues, "
        "buckets, tables"
    )


@pytest.mark.parametrize(
    "arn", ["ingest-alerts", "arn:aws:sns:us-east-1:1:a", "arn:aws:sns:us-east-1:123456789012:a.fifo"]
)
def test_a_topic_for_alerts_is_an_arn(tmp_path: Path, arn: str) -> None:
    (problem,) = problems_of(tmp_path, f"alerts: {{sns_topic_arn: '{arn}'}}\n{MINIMAL}")

    assert problem.startswith(
        "1: alerts.sns_topic_arn: not the ARN of a standard SNS topic; write it like arn:aws:sns:"
    )


def test_a_word_close_to_none_brings_all_that_is_known() -> None:
    assert suggestion("zzz", ["alpha", "beta"]) == "known are alpha, beta"
