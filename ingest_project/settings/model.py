"""Typed models of ingest.yaml: its keys, and what they mean.

The models have the values and the rules within one model. `load.py` reads the file and finds the line of a
fault; what must hold between queues, tables and columns is in `rules.py` and `table_rules.py`.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from ingest_project.settings.after_settings import After, AfterSettings
from ingest_project.settings.api_settings import ApiSettings
from ingest_project.settings.aws_access import AwsAccess, BucketSettings, region_of_queue
from ingest_project.settings.check_settings import ChecksSettings, checked_length, length_of_time
from ingest_project.settings.column_settings import Column
from ingest_project.settings.error_classes import ERROR_CLASSES, Action
from ingest_project.settings.expire_settings import ExpireSettings
from ingest_project.settings.format_settings import CsvSettings, ExcelSettings, JsonSettings
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.job_settings import JobsSettings
from ingest_project.settings.message_tables import QUEUE_SCHEME
from ingest_project.settings.names import (
    Bucket,
    ExcludePattern,
    Owner,
    QueueName,
    QueueUrl,
    TableName,
    TopicArn,
)
from ingest_project.settings.partition_settings import PartitionSettings
from ingest_project.settings.provenance import PROVENANCE, RESCUED
from ingest_project.settings.reconcile_settings import ReconcileSettings
from ingest_project.settings.row_limit import RowLimit, row_limit
from ingest_project.settings.strict import Strict

OnOverwrite = Literal["replace", "append", "ignore"]
SchemaEvolution = Literal["add_columns", "rescue", "fail"]

PROVENANCE_COLUMNS = tuple(PROVENANCE)
(RESCUED_COLUMN,) = RESCUED
QUARANTINE_SUFFIX = "__quarantine"
RESERVED_COLUMNS = frozenset({*PROVENANCE_COLUMNS, RESCUED_COLUMN})


def _scalar_property(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(
        "a catalog property is text, a number, true or false; "
        "write it as PyIceberg names it, like s3.endpoint"
    )


class AwsSettings(AwsAccess):
    """AWS's region, endpoint and role; credentials come from boto3's default chain."""

    region: str | None = None
    endpoint_url: str | None = None


class LedgerSettings(Strict):
    """The ledger's database, as a SQLAlchemy URL; a relative SQLite path is relative to ingest.yaml.

    A run without a heartbeat for `lease_seconds` counts as dead. If it was only slow, it loses its work, and
    nothing is corrupted: its commit is refused.
    """

    url: str = Field(default="sqlite:///.dagster/ledger.db", repr=False)
    lease_seconds: Annotated[int, Field(ge=5, le=3_600)] = 60


class CatalogSettings(BaseModel):
    """A PyIceberg catalog: `name`, `type`, and any of PyIceberg's catalog properties.

    A relative SQLite `uri` and a `warehouse` that is a relative path start at the folder of ingest.yaml.
    Properties may have credentials and are not part of the `repr`.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, hide_input_in_errors=True)

    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(_scalar_property)]] = Field(init=False)

    name: str = "lake"
    type: Literal["sql", "rest", "glue", "hive", "dynamodb", "bigquery", "in-memory"] = "sql"

    @property
    def properties(self) -> dict[str, str]:
        """All except the name, as strings for PyIceberg. A property without a value is left out."""
        given = {key: value for key, value in self.__pydantic_extra__.items() if value is not None}
        return {"type": self.type, **{key: _property_text(value) for key, value in given.items()}}

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        yield "name", self.name
        yield "type", self.type


class QueueSettings(AwsAccess):
    """One SQS queue, and how fast to drain it. Its region is that of its URL, unless `region` is set.

    `enabled: false` leaves its sensor stopped; messages wait in the queue, and are not lost within its
    retention. With `source: messages` its messages are not events of S3: each is a row itself, in one table.
    `receipt_handles` adds their receipt handles to the rows; whoever reads one may delete the message until
    it expires. With `source: jobs` each is a request for a job (`JobsSettings`).
    """

    name: QueueName
    url: QueueUrl
    visibility_timeout_seconds: Annotated[int, Field(ge=30, le=43_200)] = 300
    max_messages_per_tick: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    max_batches_in_flight: Annotated[int, Field(ge=1, le=1_000)] = 4
    enabled: bool = True
    source: Literal["s3_events", "messages", "jobs"] = "s3_events"
    receipt_handles: bool = False

    @property
    def access(self) -> AwsAccess:
        """The region and role for the queue, as far as it has its own."""
        return AwsAccess(
            region=self.region or region_of_queue(self.url),
            role_arn=self.role_arn,
            external_id=self.external_id,
        )


class AlertsSettings(Strict):
    """Where failed runs and objects are reported: the log of the sensor that found them, and an SNS topic.

    `failed_objects_every` is the shortest time between two alerts about objects of one table; null: no such
    alerts.
    """

    log: bool = True
    sns_topic_arn: TopicArn | None = None
    failed_objects_every: Annotated[str | None, AfterValidator(checked_length)] = "15m"

    @property
    def time_between_alerts(self) -> timedelta | None:
        """The shortest time between two alerts about objects; None: no such alerts."""
        return None if self.failed_objects_every is None else length_of_time(self.failed_objects_every)


class BatchSettings(Strict):
    """How much one run commits at once, how much of it is held in memory, and how large one object may be.

    An object larger than `max_object_bytes`, as S3 stores it, is not read: it fails as `too_large`. Other
    large objects are streamed in pieces, except with `format: binary`, where an object of more than 1 GiB
    fails as `too_large`. `portion_bytes` of the batch are read together, which is also the size of a piece;
    half as much, or more, needs less memory, or makes larger row groups. A record of a piece that is longer
    than `max_record_bytes` is a bad row. An object that expands to more than `max_expanded_bytes`, or to more
    than 1,000 times its stored bytes if that is more, is unreadable.
    """

    max_objects: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    max_bytes: Annotated[int, Field(ge=1)] = 1_073_741_824
    max_object_bytes: Annotated[int, Field(ge=1)] = 68_719_476_736
    max_expanded_bytes: Annotated[int, Field(ge=1)] = 2_147_483_648
    max_record_bytes: Annotated[int, Field(ge=1, le=1_073_741_824)] = 33_554_432
    portion_bytes: Annotated[int, Field(ge=1, le=4_294_967_296)] = 50_331_648


def _checked_row_limit(written: int | str | None) -> int | str | None:
    if written is not None:
        row_limit(written)
    return written


class TableSettings(Strict):
    """One Iceberg table: the route that feeds it, its format, its columns and its policies.

    Objects on the route are passed over if they are hidden (`hidden_files`), or if a pattern of `exclude`
    matches their key below the prefix, or their name. With `bad_rows: quarantine`, a row that cannot be
    ingested goes to the table `<name>__quarantine` with its reason, and the other rows are ingested, unless
    more than `max_bad_rows` of an object are bad: then the object fails. `expectations` are SQL predicates by
    name; a row for which one is false is a bad row. With `case_insensitive`, files may write the names of
    columns in any case.
    """

    name: TableName
    queue: str
    bucket: Bucket
    prefix: str = ""
    suffix: str = ""
    hidden_files: Literal["skip", "ingest"] = "skip"
    exclude: list[ExcludePattern] = Field(default_factory=list)
    format: TableFormat
    csv: CsvSettings = CsvSettings()
    json_: Annotated[JsonSettings, Field(alias="json")] = JsonSettings()
    excel: ExcelSettings = ExcelSettings()
    partition: PartitionSettings | None = None
    partition_spec: list[str] = Field(default_factory=list)
    sort_order: list[str] = Field(default_factory=list)
    columns: dict[str, Column] | None = None
    case_insensitive: bool = False
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
    after: After = AfterSettings()
    rebuild_schedule: str | None = None
    reconcile: ReconcileSettings | None = None
    expire: ExpireSettings | None = ExpireSettings()

    @property
    def is_of_messages(self) -> bool:
        """Whether the rows are the messages of its queue; then `bucket` names that queue."""
        return self.bucket.startswith(QUEUE_SCHEME)

    @property
    def parses_bodies(self) -> bool:
        """Whether the rows are what the bodies of messages say, as JSON."""
        return self.json_.columns is not None

    @property
    def asset_key(self) -> list[str]:
        """The Dagster asset key: `sales.orders` is ["sales", "orders"]."""
        return self.name.split(".")

    @property
    def source(self) -> str:
        """The route as an S3 URI with `*`, for people; for messages, their queue."""
        if self.is_of_messages:
            return f"sqs://{self.queue}"
        return f"s3://{self.bucket}/{self.prefix}*{self.suffix}"

    @property
    def column_types(self) -> dict[str, str] | None:
        """The columns that are written, with Iceberg's type names; None if they are inferred."""
        if self.columns is None:
            return None
        written = {name: column.type for name, column in self.columns.items() if not column.drop}
        return {name: type_name for name, type_name in written.items() if type_name is not None}

    @property
    def column_descriptions(self) -> dict[str, str]:
        """The descriptions of the columns that are written, by name."""
        told = {name: column.description for name, column in (self.columns or {}).items() if not column.drop}
        return {name: description for name, description in told.items() if description is not None}

    @property
    def quarantine(self) -> str:
        """The name of the table that takes the bad rows."""
        return f"{self.name}{QUARANTINE_SUFFIX}"

    @property
    def row_limit(self) -> RowLimit | None:
        """How many bad rows an object may have; None: any number."""
        return None if self.max_bad_rows is None else row_limit(self.max_bad_rows)

    def action_on(self, error_class: str) -> Action:
        """The action for an object that fails with an error of this class."""
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
    """All of ingest.yaml. `base_dir` is its folder, where relative paths start.

    `metadata_catalog` has the tables of S3 Metadata, if `catalog` does not have them.
    """

    aws: AwsSettings = AwsSettings()
    ledger: LedgerSettings = LedgerSettings()
    catalog: CatalogSettings = CatalogSettings()
    metadata_catalog: CatalogSettings | None = None
    alerts: AlertsSettings = AlertsSettings()
    queues: Annotated[list[QueueSettings], Field(min_length=1)]
    buckets: list[BucketSettings] = Field(default_factory=list)
    tables: Annotated[list[TableSettings], Field(min_length=1)]
    jobs: JobsSettings | None = None
    api: ApiSettings | None = None
    base_dir: Annotated[Path, Field(exclude=True)] = Path()

    def queue(self, name: str) -> QueueSettings:
        """The queue of this name; raises KeyError."""
        return _by_name(self.queues, name)

    @property
    def jobs_queue(self) -> QueueSettings | None:
        """The queue that brings requests for jobs; None: jobs are not accepted."""
        return next((one for one in self.queues if one.source == "jobs"), None)

    def table(self, name: str) -> TableSettings:
        """The table of this name; raises KeyError."""
        return _by_name(self.tables, name)

    def action_on(self, table: str, error_class: str) -> Action:
        """The action for an object of this table that fails with an error of this class.

        For a table that the settings no longer have, it is the default action of the class.
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
