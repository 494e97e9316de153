"""Which prefixes and windows can be compared, and the error for each that cannot."""

from datetime import UTC, datetime

import pytest

from ingest_project.ingestion.reconcile.scope import scope_of
from ingest_project.settings.model import TableSettings

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def table(prefix: str) -> TableSettings:
    return TableSettings(name="a.b", queue="q", bucket="landing", prefix=prefix, format="ndjson")


@pytest.mark.parametrize(
    ("of_table", "prefix"),
    [("orders/", "orders/dt=1/"), ("orders/", "orders/"), ("", "any"), ("a//b/", "a//b/c"),
     ("../x/", "../x/y"), ("a/b", "a/b../c"), ("orders/", "orders/..a/...")],
)  # fmt: skip
def test_prefix_within_the_route_is_taken_as_it_is(of_table: str, prefix: str) -> None:
    assert scope_of(table(of_table), prefix=prefix).prefix == prefix


@pytest.mark.parametrize(
    ("of_table", "prefix", "reason"),
    [("orders/", "clicks/", "is not within 'orders/'"), ("orders/", "order", "is not within"),
     ("orders/", "s3://landing/orders/", "without s3:// and bucket"),
     ("orders/", "orders//dt=1", "an empty segment"), ("orders/", "orders/a//b", "an empty segment"),
     ("orders/", "orders/../clicks/", "the segment `..`"), ("", "..", "the segment `..`"),
     ("orders/", "orders/./a", "the segment `.`"), ("a//b/", "a//b//c", "an empty segment")],
)  # fmt: skip
def test_prefix_that_would_match_nothing_is_refused(of_table: str, prefix: str, reason: str) -> None:
    with pytest.raises(ValueError, match="the prefix") as refused:
        scope_of(table(of_table), prefix=prefix)

    assert reason in str(refused.value)


def test_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is since"):
        scope_of(table(""), since=NOON, until=NOON)
