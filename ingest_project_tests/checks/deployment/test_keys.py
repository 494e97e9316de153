"""Tables tried on the keys that the emulator's bucket holds."""

from collections.abc import Callable
from typing import Any

import pytest

from ingest_project.checks.deployment import keys as keys_module
from ingest_project.checks.deployment.finding import Finding, Level
from ingest_project.checks.deployment.keys import check_keys
from ingest_project_tests.landing import BUCKET, Landing, table

DAILY = {"every": "day", "start": "2026-01-01", "pattern": "dt=(?P<partition>[0-9-]{10})"}


def finding(
    landing: Landing, *keys: str, prefix: str = "sales/", body: bytes = b"{}", **more: Any
) -> Finding:
    """What is said of a table at this prefix when the bucket holds these keys below it."""
    for key in keys:
        landing.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    landing.write(tables=[table("sales.orders", prefix, {"order_id": "long"}, **more)])
    services = landing.services()
    return check_keys(services, services.settings.table("sales.orders"))


def days(count: int) -> list[str]:
    return [f"sales/dt=2026-01-{day:02}/part.ndjson" for day in range(1, count + 1)]


def test_keys_are_shown_with_their_partitions(landing: Landing) -> None:
    found = finding(landing, *days(6), partition=DAILY)

    assert found.level is Level.OK
    assert found.message == (
        f"all of 6 keys of s3://{BUCKET}/sales/* go to 6 partitions: 2026-01-01, 2026-01-02, ..., 2026-01-06"
    )


def test_keys_of_a_table_without_partitions_go_to_the_table(landing: Landing) -> None:
    assert (
        finding(landing, "sales/1", "sales/2").message
        == f"all of 2 keys of s3://{BUCKET}/sales/* go to the table"
    )


def test_no_key_at_all_is_a_warning(landing: Landing) -> None:
    found = finding(landing, prefix="salse/2026/")

    assert (found.level, found.message) == (
        Level.WARNING,
        f"there is no key under s3://{BUCKET}/salse/2026/ yet",
    )
    assert (found.remedy or "").endswith(f"aws s3 ls s3://{BUCKET}/salse/")


def test_folder_markers_and_marks_of_success_do_not_count(landing: Landing) -> None:
    finding(landing, "sales/", body=b"")

    assert "there is no key" in finding(landing, "sales/_SUCCESS").message


def test_hidden_and_excluded_keys_do_not_count(landing: Landing) -> None:
    mixed = finding(
        landing, *days(2), "sales/_temporary/0/a", "sales/old/b", partition=DAILY, exclude=["old/*"]
    )

    assert mixed.level is Level.OK
    assert mixed.message.startswith(f"all of 2 keys of s3://{BUCKET}/sales/*")


def test_a_table_that_passes_over_all_keys_is_a_warning(landing: Landing) -> None:
    found = finding(landing, "sales/_a", "sales/b.bak", exclude=["*.bak"])

    assert (found.level, found.remedy) == (Level.WARNING, "correct `exclude`, or set `hidden_files: ingest`")
    assert found.message == f"2 keys of s3://{BUCKET}/sales/*: all of them are hidden or excluded"


def test_keys_of_another_suffix_are_shown(landing: Landing) -> None:
    found = finding(landing, "sales/1.csv", "sales/2.json", suffix=".csv.gz")

    assert found.level is Level.WARNING
    assert found.message.startswith("none of 2 keys under")
    assert found.message.endswith("ends in '.csv.gz': 'sales/1.csv', 'sales/2.json'")


def test_a_pattern_that_matches_no_key_is_a_problem_with_an_example_and_its_reason(landing: Landing) -> None:
    found = finding(landing, "sales/2026/01/02/1.ndjson", "sales/2026/01/03/1.ndjson", partition=DAILY)

    assert found.level is Level.PROBLEM
    assert found.message.startswith(f"2 of 2 keys of s3://{BUCKET}/sales/* name no partition: ")
    assert "'sales/2026/01/02/1.ndjson': its key does not match the pattern" in found.message
    assert (found.remedy or "").endswith(f": ingest preview s3://{BUCKET}/sales/")


def test_some_keys_that_name_no_partition_are_a_warning_with_each_reason_once(landing: Landing) -> None:
    bad = ["sales/x", "sales/y", "sales/dt=2025-01-01/1", "sales/dt=2026-99-01/1"]

    found = finding(landing, *days(2), *bad, partition=DAILY)

    assert found.level is Level.WARNING
    assert found.message.startswith("4 of 6 keys")
    assert found.message.endswith("the others go to 2 partitions: 2026-01-01, 2026-01-02")
    assert found.message.count("does not match the pattern") == 1
    assert "before the table's start" in found.message


def test_a_look_is_bounded_and_says_so(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "LOOK", 3)

    assert finding(landing, *days(4), partition=DAILY).message.startswith("all of the first 3 keys of")


def test_a_key_cannot_write_to_the_terminal(landing: Landing) -> None:
    assert "\x1b" not in finding(landing, "sales/\x1b[31mred", partition=DAILY).message


def test_keys_without_permission_are_reported_with_the_permission(
    landing: Landing, denied: Callable[..., None]
) -> None:
    denied("s3:ListBucket")

    found = finding_without_writing(landing)

    assert found.level is Level.WARNING
    assert "its keys could not be checked" in found.message
    assert found.remedy == f"grant s3:ListBucket on arn:aws:s3:::{BUCKET}"


def finding_without_writing(landing: Landing) -> Finding:
    services = landing.services()
    return check_keys(services, services.settings.table("sales.orders"))
