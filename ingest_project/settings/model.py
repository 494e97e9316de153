"""Typed models of ingest.yaml: what may be said there, and what it means.

The first stop of an object's journey is none of these; they only say which journeys exist. The models hold
values and the rules between them. Reading the file, filling in the environment and naming the line of a fault
is `load.py`'s work.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

TableFormat = Literal["ndjson", "json", "csv", "parquet", "avro", "ipc"]
PartitionEvery = Literal["hour", "day", "week", "month"]
OnOverwrite = Literal["replace", "append", "ignore"]
SchemaEvolution = Literal["add_columns", "rescue", "fail"]

PROVENANCE_COLUMNS = ("_source_uri", "_source_version", "_batch_id", "_ingested_at")
"""The columns that every table ends in; from them alone the ledger can be rebuilt."""

QueueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
TableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$")]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AwsSettings(Strict):
    """Where AWS is and as whom to talk to it; credentials come from boto3's default chain."""

    region: str | None = None
    endpoint_url: str | None = None
    role_arn: Annotated[str, StringConstraints(pattern=r"^arn:[^:]+:iam::\d{12}:role/.+$")] | None = None
    external_id: str | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _external_id_needs_a_role(self) -> Self:
        if self.external_id is not None and self.role_arn is None:
            raise ValueError("external_id is set without role_arn; add the role to assume, or remove external_id")
        return self


class LedgerSettings(Strict):
    """The ledger's database, as a SQLAlchemy URL; a relative SQLite path is relative to ingest.yaml."""

    url: str = Field(default="sqlite:///.dagster/ledger.db", repr=False)


class CatalogSettings(BaseModel):
    """A PyIceberg catalog: `name`, `type`, and any of PyIceberg's catalog properties."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = "lake"
    type: Literal["sql", "rest", "glue", "hive", "dynamodb", "bigquery", "in-memory"] = "sql"

    @property
    def properties(self) -> dict[str, str]:
        """All but the name, as PyIceberg wants them: strings."""
        extra = {key: _property_text(value) for key, value in (self.__pydantic_extra__ or {}).items()}
        return {"type": self.type, **extra}


class QueueSettings(Strict):
    """One SQS queue, and how hard to drain it."""

    name: QueueName
    url: Annotated[str, StringConstraints(pattern=r"^https?://.+")]
    visibility_timeout_seconds: Annotated[int, Field(ge=30, le=43_200)] = 300
    max_messages_per_tick: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    max_batches_in_flight: Annotated[int, Field(ge=1, le=1_000)] = 4
    enabled: bool = True


class PartitionSettings(Strict):
    """The Dagster partitions of a table's asset, and how an object finds its own."""

    every: PartitionEvery | None = None
    values: list[str] | None = None
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
            if self.start is None:
                raise ValueError('`every` needs `start`, the first partition, for example start: "2026-01-01"')
            try:
                datetime.fromisoformat(self.start)
            except ValueError:
                raise ValueError(f"start: {self.start!r} is no ISO date; write it like 2026-01-01") from None
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
            raise ValueError("`from: key` needs `pattern`, a regular expression with a group (?P<partition>...)")
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as error:
            raise ValueError(f"pattern is no regular expression: {error}") from None
        if "partition" not in groups and not (self.every and "year" in groups):
            raise ValueError(
                "pattern names no partition; add a group (?P<partition>...), or with `every` the groups year, month, day, hour"
            )
        return self


class BatchSettings(Strict):
    """How much one run commits at once. Bytes are counted as S3 stores them."""

    max_objects: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    max_bytes: Annotated[int, Field(ge=1)] = 1_073_741_824


class TableSettings(Strict):
    """One Iceberg table: the route that feeds it, its format, its columns and its policies."""

    name: TableName
    queue: str
    bucket: Annotated[str, StringConstraints(min_length=3, max_length=63)]
    prefix: str = ""
    suffix: str = ""
    format: TableFormat
    partition: PartitionSettings | None = None
    partition_spec: list[str] = []
    columns: dict[str, str] | None = None
    on_overwrite: OnOverwrite = "replace"
    schema_evolution: SchemaEvolution = "add_columns"
    bad_rows: Literal["quarantine", "fail"] = "quarantine"
    batch: BatchSettings = BatchSettings()
    description: str | None = None
    owners: list[str] = []
    rebuild_schedule: str | None = None

    @property
    def asset_key(self) -> list[str]:
        """The Dagster asset key: `sales.orders` is ["sales", "orders"]."""
        return self.name.split(".")

    @property
    def source(self) -> str:
        """The route in S3's own spelling, for people."""
        return f"s3://{self.bucket}/{self.prefix}*{self.suffix}"

    @model_validator(mode="after")
    def _columns_leave_room_for_provenance(self) -> Self:
        taken = [name for name in self.columns or {} if name.lower() in PROVENANCE_COLUMNS]
        if taken:
            raise ValueError(f"columns: {', '.join(taken)} are written by the ingest itself; rename them")
        return self


class Settings(Strict):
    """All of ingest.yaml. `base_dir` is the folder it lies in; relative paths start there."""

    aws: AwsSettings = AwsSettings()
    ledger: LedgerSettings = LedgerSettings()
    catalog: CatalogSettings = CatalogSettings()
    queues: Annotated[list[QueueSettings], Field(min_length=1)]
    tables: Annotated[list[TableSettings], Field(min_length=1)]
    base_dir: Annotated[Path, Field(exclude=True)] = Path()

    def queue(self, name: str) -> QueueSettings:
        """The queue of this name; KeyError if the settings have none."""
        return _by_name(self.queues, name)

    def table(self, name: str) -> TableSettings:
        """The table of this name; KeyError if the settings have none."""
        return _by_name(self.tables, name)

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
