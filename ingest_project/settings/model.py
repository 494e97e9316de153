"""Typed models of ingest.yaml: what may be said there, and what it means.

The first stop of an object's journey is none of these; they only say which journeys exist. The models hold
values and the rules within one of them. Reading the file and naming the line of a fault is `load.py`'s work; what
must hold between queues, tables and columns is in `rules.py` and `table_rules.py`.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from ingest_project.settings.check_settings import ChecksSettings
from ingest_project.settings.column_settings import Column
from ingest_project.settings.error_classes import ERROR_CLASSES, Action
from ingest_project.settings.format_settings import CsvSettings, JsonSettings
from ingest_project.settings.names import (
    Bucket,
    Owner,
    PartitionValue,
    QueueName,
    QueueUrl,
    RoleArn,
    TableName,
    TopicArn,
)
from ingest_project.settings.row_limit import RowLimit, row_limit
from ingest_project.settings.strict import Strict

TableFormat = Literal["ndjson", "json", "csv", "parquet", "avro", "ipc", "text", "binary"]
PartitionEvery = Literal["hour", "day", "week", "month"]
OnOverwrite = Literal["replace", "append", "ignore"]
SchemaEvolution = Literal["add_columns", "rescue", "fail"]

PROVENANCE_COLUMNS = ("_source_uri", "_source_version", "_batch_id", "_ingested_at")
"""The columns that every table ends in; from them alone the ledger can be rebuilt."""
RESCUED_COLUMN = "_rescued_data"
"""The column that `schema_evolution: rescue` adds: JSON of what has no column, or does not fit its column."""
QUARANTINE_SUFFIX = "__quarantine"
RESERVED_COLUMNS = frozenset({*PROVENANCE_COLUMNS, RESCUED_COLUMN})


def _scalar_property(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(
        "a catalog property is text, a number, true or false; write it as PyIceberg names it, like s3.endpoint"
    )


class AwsSettings(Strict):
    """Where AWS is and as whom to talk to it; credentials come from boto3's default chain."""

    region: str | None = None
    endpoint_url: str | None = None
    role_arn: RoleArn | None = None
    external_id: str | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _external_id_needs_a_role(self) -> Self:
        if self.external_id is not None and self.role_arn is None:
            raise ValueError(
                "external_id is set without role_arn; add the role to assume, or remove external_id"
            )
        return self


class LedgerSettings(Strict):
    """The ledger's database, as a SQLAlchemy URL; a relative SQLite path is relative to ingest.yaml.

    A run that gave no sign of life for `lease_seconds` is taken for dead. One that was only slow loses its work, never
    its correctness: its commit is refused.
    """

    url: str = Field(default="sqlite:///.dagster/ledger.db", repr=False)
    lease_seconds: Annotated[int, Field(ge=5, le=3_600)] = 60


class CatalogSettings(BaseModel):
    """A PyIceberg catalog: `name`, `type`, and any of PyIceberg's catalog properties.

    A relative SQLite `uri` and a `warehouse` that is a relative path start at the folder of ingest.yaml. Properties
    may hold credentials and are left out of the representation.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, hide_input_in_errors=True)

    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(_scalar_property)]] = Field(init=False)

    name: str = "lake"
    type: Literal["sql", "rest", "glue", "hive", "dynamodb", "bigquery", "in-memory"] = "sql"

    @property
    def properties(self) -> dict[str, str]:
        """All but the name, as PyIceberg wants them: strings. A property without a value is left out."""
        given = {key: value for key, value in self.__pydantic_extra__.items() if value is not None}
        return {"type": self.type, **{key: _property_text(value) for key, value in given.items()}}

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        yield "name", self.name
        yield "type", self.type


class QueueSettings(Strict):
    """One SQS queue, and how hard to drain it.

    `enabled: false` leaves its sensor stopped; the queue fills, and nothing is lost within its retention.
    """

    name: QueueName
    url: QueueUrl
    visibility_timeout_seconds: Annotated[int, Field(ge=30, le=43_200)] = 300
    max_messages_per_tick: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    max_batches_in_flight: Annotated[int, Field(ge=1, le=1_000)] = 4
    enabled: bool = True


class PartitionSettings(Strict):
    """The Dagster partitions of a table's asset, and how an object finds its own.

    The partition is read from the key by `pattern`, a regular expression searched for anywhere in the key: from its
    group `partition`, or with `every` from its groups year, month, day and hour. With `from: event_time` it is the
    time (UTC) at which S3 finished the write.
    """

    every: PartitionEvery | None = None
    values: Annotated[list[PartitionValue], Field(min_length=1)] | None = None
    dynamic: bool = False
    start: str | None = None
    from_: Annotated[Literal["key", "event_time"], Field(alias="from")] = "key"
    pattern: str | None = None

    @property
    def start_time(self) -> datetime:
        """The start of the first partition, a naive UTC time; only for `every`."""
        return datetime.fromisoformat(self.start or "").replace(tzinfo=None)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.every is not None, self.values is not None, self.dynamic]
        if sum(kinds) != 1:
            raise ValueError("give exactly one of `every`, `values` and `dynamic: true`")
        if self.every is not None:
            _check_start(self.start)
        elif self.start is not None:
            raise ValueError("`start` goes with `every` only; remove it")
        return self

    @model_validator(mode="after")
    def _source(self) -> Self:
        if self.from_ == "event_time":
            if self.every is None:
                raise ValueError("`from: event_time` goes with `every` only; use `from: key` with a pattern")
            if self.pattern is not None:
                raise ValueError("`pattern` goes with `from: key` only; remove it")
            return self
        if self.pattern is None:
            raise ValueError(
                "`from: key` needs `pattern`, a regular expression with a group (?P<partition>...)"
            )
        _check_pattern(self.pattern, self.every)
        return self


_GROUPS: dict[PartitionEvery, tuple[str, ...]] = {
    "hour": ("year", "month", "day", "hour"),
    "day": ("year", "month", "day"),
    "week": ("year", "month", "day"),
    "month": ("year", "month"),
}


def _check_pattern(pattern: str, every: PartitionEvery | None) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"`pattern` is no regular expression: {error}; mend it") from error
    if "partition" in groups:
        return
    if every is None:
        raise ValueError("`pattern` names no partition; add a group (?P<partition>...)")
    missing = [name for name in _GROUPS[every] if name not in groups]
    if missing:
        raise ValueError(
            f"`pattern` names no {every}; add a group (?P<partition>...), or the groups {', '.join(missing)}"
        )


def _check_start(start: str | None) -> None:
    if start is None:
        raise ValueError('`every` needs `start`, the first partition; add for example start: "2026-01-01"')
    try:
        time = datetime.fromisoformat(start)
    except ValueError as error:
        raise ValueError("`start` is no ISO date; write it like 2026-01-01") from error
    if time.utcoffset() not in {None, timedelta(0)}:
        raise ValueError(
            "`start` has an offset, and partitions are in UTC; write it in UTC, like 2026-01-01T00:00"
        )


class AlertsSettings(Strict):
    """Where a failed run is reported: in the log of the sensor `ingest_alerts`, and to an SNS topic."""

    log: bool = True
    sns_topic_arn: TopicArn | None = None


class BatchSettings(Strict):
    """How much one run commits at once, and how large one object may be. Bytes are counted as S3 stores them.

    A larger object than `max_object_bytes` is not read: it fails as `too_large`. What fits is streamed in pieces, but for
    objects of `format: binary`, of which one of more than 1 GiB fails likewise.
    """

    max_objects: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    max_bytes: Annotated[int, Field(ge=1)] = 1_073_741_824
    max_object_bytes: Annotated[int, Field(ge=1)] = 68_719_476_736


def _checked_row_limit(written: int | str | None) -> int | str | None:
    if written is not None:
        row_limit(written)
    return written


class TableSettings(Strict):
    """One Iceberg table: the route that feeds it, its format, its columns and its policies.

    With `bad_rows: quarantine` a row that cannot be ingested goes to the table `<name>__quarantine` with its reason,
    and the others come in, unless more than `max_bad_rows` of an object are bad: then the object fails. `expectations`
    are SQL predicates by name; a row for which one is false is a bad row.
    """

    name: TableName
    queue: str
    bucket: Bucket
    prefix: str = ""
    suffix: str = ""
    format: TableFormat
    csv: CsvSettings = CsvSettings()
    json_: Annotated[JsonSettings, Field(alias="json")] = JsonSettings()
    partition: PartitionSettings | None = None
    partition_spec: list[str] = Field(default_factory=list)
    columns: dict[str, Column] | None = None
    expectations: dict[str, str] = Field(default_factory=dict)
    on_overwrite: OnOverwrite = "replace"
    schema_evolution: SchemaEvolution = "add_columns"
    bad_rows: Literal["quarantine", "fail"] = "quarantine"
    max_bad_rows: Annotated[int | str | None, AfterValidator(_checked_row_limit)] = None
    on_error: dict[str, Action] = Field(default_factory=dict)
    batch: BatchSettings = BatchSettings()
    checks: ChecksSettings = ChecksSettings()
    description: str | None = None
    owners: list[Owner] = Field(default_factory=list)
    rebuild_schedule: str | None = None

    @property
    def asset_key(self) -> list[str]:
        """The Dagster asset key: `sales.orders` is ["sales", "orders"]."""
        return self.name.split(".")

    @property
    def source(self) -> str:
        """The route in S3's own spelling, for people."""
        return f"s3://{self.bucket}/{self.prefix}*{self.suffix}"

    @property
    def column_types(self) -> dict[str, str] | None:
        """The columns that are written, with Iceberg's type names; None if they are inferred."""
        if self.columns is None:
            return None
        written = {name: column.type for name, column in self.columns.items() if not column.drop}
        return {name: type_name for name, type_name in written.items() if type_name is not None}

    @property
    def quarantine(self) -> str:
        """The name of the table that takes the bad rows."""
        return f"{self.name}{QUARANTINE_SUFFIX}"

    @property
    def row_limit(self) -> RowLimit | None:
        """How many bad rows an object may have; None: any number."""
        return None if self.max_bad_rows is None else row_limit(self.max_bad_rows)

    def action_on(self, error_class: str) -> Action:
        """What follows when an object fails with an error of this class."""
        return self.on_error.get(error_class) or ERROR_CLASSES[error_class].action

    @field_validator("columns")
    @classmethod
    def _columns_leave_room_for_provenance(
        cls, columns: dict[str, Column] | None
    ) -> dict[str, Column] | None:
        if taken := [name for name in columns or {} if name.lower() in RESERVED_COLUMNS]:
            raise ValueError(
                f"the ingest itself writes {', '.join(taken)}; leave it out, or rename the column"
            )
        return columns


class Settings(Strict):
    """All of ingest.yaml. `base_dir` is the folder it lies in; relative paths start there."""

    aws: AwsSettings = AwsSettings()
    ledger: LedgerSettings = LedgerSettings()
    catalog: CatalogSettings = CatalogSettings()
    alerts: AlertsSettings = AlertsSettings()
    queues: Annotated[list[QueueSettings], Field(min_length=1)]
    tables: Annotated[list[TableSettings], Field(min_length=1)]
    base_dir: Annotated[Path, Field(exclude=True)] = Path()

    def queue(self, name: str) -> QueueSettings:
        """The queue of this name; KeyError if the settings have none."""
        return _by_name(self.queues, name)

    def table(self, name: str) -> TableSettings:
        """The table of this name; KeyError if the settings have none."""
        return _by_name(self.tables, name)

    def action_on(self, table: str, error_class: str) -> Action:
        """What follows when an object of this table fails with an error of this class.

        For a table that the settings no longer have, it is the class's own action.
        """
        known = next((one for one in self.tables if one.name == table), None)
        return known.action_on(error_class) if known else ERROR_CLASSES[error_class].action

    def tables_of(self, queue: str) -> list[TableSettings]:
        """The tables that this queue feeds, in the order of the settings."""
        return [table for table in self.tables if table.queue == queue]


NamedT = TypeVar("NamedT", QueueSettings, TableSettings)


def _by_name(items: list[NamedT], name: str) -> NamedT:
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)


def _property_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
