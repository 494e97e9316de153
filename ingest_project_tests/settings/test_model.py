from datetime import datetime

import pytest
from dagster._core.definitions.utils import is_valid_owner
from pydantic import ValidationError

from ingest_project.settings.model import (
    CatalogSettings,
    QueueSettings,
    Settings,
)
from ingest_project.settings.names import table_identifier
from ingest_project.settings.partition_settings import PartitionSettings
from ingest_project_tests.settings.factories import QUEUE_URL, table

BY_DAY = {"every": "day", "start": "2026-01-01"}
KEY = r"dt=(?P<partition>[0-9-]+)"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "exactly one of"),
        ({**BY_DAY, "dynamic": True, "pattern": KEY}, "exactly one of"),
        ({"every": "day", "pattern": KEY}, "needs `start`"),
        ({"every": "day", "start": "soon", "pattern": KEY}, "not an ISO date"),
        ({"every": "day", "start": "2026-01-01T00:00+02:00", "pattern": KEY}, "write it in UTC"),
        ({"dynamic": True, "start": "2026-01-01", "pattern": KEY}, "`start` goes with `every` only"),
        ({"values": [], "pattern": KEY}, "at least 1 item"),
        ({"values": [""], "pattern": KEY}, "not a partition key"),
        ({"values": ["a...b"], "pattern": KEY}, "not a partition key"),
        (BY_DAY, "needs `pattern`"),
        ({**BY_DAY, "pattern": "("}, "not a regular expression"),
        ({**BY_DAY, "pattern": "(?P<year>[0-9]+)"}, "the groups month, day"),
        ({"dynamic": True, "pattern": "(?P<year>[0-9]+)"}, "does not name a partition"),
        ({**BY_DAY, "from": "event_time", "default": "2026-01-01"}, "`default` goes with `from: key` only"),
        ({**BY_DAY, "pattern": KEY, "default": "never"}, "`default` is not an ISO date"),
        (
            {**BY_DAY, "pattern": KEY, "default": "1970-01-01"},
            "partition 1970-01-01, which is before `start`",
        ),
        (
            {"every": "week", "start": "2026-01-01", "pattern": KEY, "default": "2026-01-02"},
            "partition 2025-12-28, which is before `start`",
        ),
        ({"values": ["eu"], "default": "none", "pattern": KEY}, "`default` is not one of `values`"),
        ({"dynamic": True, "default": "a...b", "pattern": KEY}, "not a partition key"),
        ({**BY_DAY, "from": "event_time", "pattern": KEY}, "`pattern` goes with `from: key` only"),
        ({"dynamic": True, "from": "event_time"}, "goes with `every` only"),
    ],
)
def test_a_partition_that_no_object_could_find_is_refused(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PartitionSettings.model_validate(keys)


@pytest.mark.parametrize(
    "keys",
    [
        {**BY_DAY, "pattern": KEY},
        {**BY_DAY, "pattern": "(?P<year>[0-9]{4})/(?P<month>[0-9]{2})/(?P<day>[0-9]{2})"},
        {"every": "month", "start": "2026-01-01", "pattern": "(?P<year>[0-9]{4})/(?P<month>[0-9]{2})"},
        {**BY_DAY, "from": "event_time"},
        {"values": ["eu", "us"], "pattern": KEY},
        {"dynamic": True, "pattern": KEY},
    ],
)
def test_each_kind_of_partition_is_accepted(keys: dict[str, object]) -> None:
    PartitionSettings.model_validate(keys)


def test_the_first_partition_starts_at_a_naive_utc_time() -> None:
    partition = PartitionSettings.model_validate(
        {**BY_DAY, "start": "2026-01-01T05:00Z", "from": "event_time"}
    )

    assert partition.start_time == datetime(2026, 1, 1, 5)  # noqa: DTZ001 - what is promised is a naive time


@pytest.mark.parametrize("owner", ["team:sales", "ada@acme.example", "bob", "team:", "a@b", "a b@acme.com"])
def test_owners_are_those_that_dagster_accepts(owner: str) -> None:
    try:
        table(owners=[owner])
    except ValidationError:
        accepted = False
    else:
        accepted = True

    assert accepted == is_valid_owner(owner)


@pytest.mark.parametrize("name", ["_source_uri", "_SOURCE_VERSION", "_batch_id", "_ingested_at"])
def test_the_columns_that_the_ingest_writes_cannot_be_declared(name: str) -> None:
    with pytest.raises(ValidationError, match="the ingest itself writes"):
        table(columns={name: "string"})


@pytest.mark.parametrize("bucket", ["s3://acme", "acme/orders", "ab", "-acme", ""])
def test_a_bucket_is_a_name_alone(bucket: str) -> None:
    with pytest.raises(ValidationError, match="without s3://"):
        table(bucket=bucket)


@pytest.mark.parametrize(
    "name", ["", "or ders", "sales.", "sales.or-ders", "sales..orders", "1sales.orders", "a.b\n"]
)
def test_a_table_is_a_name_in_a_namespace(name: str) -> None:
    with pytest.raises(ValidationError, match="not a table name"):
        table(name=name)


def test_a_table_without_a_namespace_is_in_the_default_one() -> None:
    assert table(name="orders").asset_key == ["orders"]
    assert (table_identifier("orders"), table_identifier("a.orders")) == ("default.orders", "a.orders")


@pytest.mark.parametrize("value", [True, "300", 300.0])
def test_one_type_is_never_turned_into_another(value: object) -> None:
    keys = {"name": "landing", "url": QUEUE_URL, "visibility_timeout_seconds": value}

    with pytest.raises(ValidationError, match="valid integer"):
        QueueSettings.model_validate(keys)


def test_catalog_properties_are_strings_and_one_without_a_value_is_left_out() -> None:
    keys = {"name": "lake", "type": "glue", "s3.path-style": True, "pool": 5, "s3.endpoint": None}

    catalog = CatalogSettings.model_validate(keys)

    assert catalog.properties == {"type": "glue", "s3.path-style": "true", "pool": "5"}


def test_catalog_properties_do_not_show_in_the_representation() -> None:
    catalog = CatalogSettings.model_validate({"uri": "postgresql://u:hunter2@h/db"})

    assert repr(catalog) == "CatalogSettings(name='lake', type='sql')"


def test_what_follows_an_error_is_what_the_table_says_else_what_its_class_says() -> None:
    choosing = table(on_error={"missing": "acknowledge", "throttled": "park"})

    classes = ("missing", "throttled", "forbidden", "unavailable")
    assert [choosing.action_on(one) for one in classes] == ["acknowledge", "park", "release", "retry"]


def test_a_table_that_is_gone_from_the_settings_has_the_default_actions() -> None:
    queue = QueueSettings(name="landing", url=QUEUE_URL)
    settings = Settings(queues=[queue], tables=[table(on_error={"unknown": "park"})])

    assert settings.action_on("sales.orders", "unknown") == "park"
    assert settings.action_on("sales.gone", "unknown") == "release"


@pytest.mark.parametrize("pattern", ["", "*", "**/", "**", "/a", "s3://acme-landing/a"])
def test_a_pattern_to_exclude_is_one_of_keys_below_the_prefix(pattern: str) -> None:
    with pytest.raises(ValidationError, match="not a pattern of keys; write it below the table's prefix"):
        table(exclude=[pattern])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "string", "from_key": "a=("}, "not a regular expression"),
        ({"type": "string", "from_key": "a=b"}, "needs one group, or a group `value`"),
        ({"type": "string", "from_key": "(a)=(b)"}, "needs one group, or a group `value`"),
        ({"type": "string", "from_key": "a=(.)", "from": "b"}, "cannot have `from` or `sql`"),
        ({"type": "string", "from_key": "a=(.)", "sql": "b"}, "cannot have `from` or `sql`"),
        ({"drop": True, "from_key": "a=(.)"}, "a column needs a type"),
    ],
)
def test_a_column_of_the_key_has_one_value(column: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        table(columns={"a": column})
