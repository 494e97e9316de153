"""Hidden objects and excluded ones, by their keys below the table's prefix."""

import time
from typing import Any

import pytest

from ingest_project.settings.model import TableSettings
from ingest_project.sources.passed_over import hidden_name, reason_to_pass_over


def table(prefix: str, **changes: Any) -> TableSettings:
    fields = {"name": "sales.orders", "queue": "landing", "bucket": "acme-landing", "format": "ndjson"}
    return TableSettings.model_validate({**fields, "prefix": prefix, **changes})


@pytest.mark.parametrize(
    ("key", "prefix", "hidden"),
    [
        ("orders/_SUCCESS", "orders/", "_SUCCESS"),
        ("orders/_temporary/0/part-0", "orders/", "_temporary"),
        ("orders/dt=1/.part-0.json.crc", "orders/", ".part-0.json.crc"),
        ("orders/.spark/a", "orders/", ".spark"),
        ("orders/_temporary/", "orders/", "_temporary"),
        ("_a.json", "", "_a.json"),
        ("orders/.x=1/a", "orders/", ".x=1"),
        ("orders/_delta_log/0.json", "orders", "_delta_log"),
        ("orders/a.json", "orders/", None),
        ("orders/_date=2026-01-01/a.json", "orders/", None),
        ("orders/a_b/c.d/e", "orders/", None),
        ("_raw/.landing/orders/a.json", "_raw/.landing/orders/", None),
        ("orders_2026.json", "orders", None),
        ("_raw_1/a.json", "_raw", None),
        ("orders//a.json", "orders/", None),
    ],
)
def test_names_below_the_prefix_are_hidden_as_spark_has_it(key: str, prefix: str, hidden: str | None) -> None:
    assert hidden_name(key, prefix) == hidden
    assert (reason_to_pass_over(table(prefix), key) is None) == (hidden is None)
    assert reason_to_pass_over(table(prefix, hidden_files="ingest"), key) is None


@pytest.mark.parametrize(
    ("pattern", "below", "matches"),
    [
        ("*.tmp", "a.tmp", True),
        ("*.tmp", "x/y/a.tmp", True),
        ("*.tmp", "a.tmp.json", False),
        ("*.TMP", "a.tmp", False),
        ("part-?.json", "x/part-1.json", True),
        ("part-?.json", "x/part-10.json", False),
        ("backup/*", "backup/x/a.json", True),
        ("backup/*", "x/backup/a.json", False),
        ("*/backup/*", "backup/a.json", False),
        ("**/backup/*", "backup/a.json", True),
        ("**/backup/*", "x/y/backup/a.json", True),
        ("a/**/b.json", "a/b.json", True),
        ("a/**/b.json", "a/x/y/b.json", True),
        ("a/**/b.json", "ab.json", False),
        ("manifest.json", "x/manifest.json", True),
        ("x/manifest.json", "x/manifest.json", True),
        ("[ab].json", "a.json", False),
        ("[ab].json", "[ab].json", True),
        ("a.b", "axb", False),
        ("a*b", "a\nb", True),
    ],
)
def test_a_pattern_is_matched_below_the_prefix_and_against_the_name(
    pattern: str, below: str, matches: bool
) -> None:
    for prefix in ("in/orders/", "in/orders", ""):
        key = f"{prefix.rstrip('/')}/{below}".removeprefix("/")
        reason = reason_to_pass_over(table(prefix, exclude=["never", pattern]), key)

        assert (reason == f"`exclude` has the pattern {pattern!r}, which matches its key") is matches
        assert (reason is None) is not matches


def test_the_prefix_itself_is_not_matched() -> None:
    assert reason_to_pass_over(table("orders/", exclude=["ord*"]), "orders/a.json") is None


def test_no_key_takes_long_to_be_matched() -> None:
    excluding = table("", exclude=["*a*a*a*a*a*a*a*a*b"])
    begun = time.perf_counter()

    assert reason_to_pass_over(excluding, "a" * 1024) is None
    assert time.perf_counter() - begun < 1
