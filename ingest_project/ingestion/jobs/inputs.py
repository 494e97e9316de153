"""The inputs of the built-in kinds of jobs, and how they are checked against the settings.

A request is refused before it is recorded if its input is not valid, with the path of what is wrong. Its
values reach no path, SQL text or shell: tables are looked up in the settings, keys have to be on the route of
their table, and columns have to be the table's.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ingest_project.errors import JobRefused
from ingest_project.ingestion.reconcile.scope import scope_of
from ingest_project.settings.clocks import utc_now
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.settings.partition_settings import PartitionSettings
from ingest_project.settings.partition_windows import window_key, window_start
from ingest_project.sources.jobs.request import MAX_INPUT_BYTES, canonical
from ingest_project.sources.object_version import bucket_and_key

MAX_NAMED = 1_000
"""How many objects or partitions one request may name; more have a prefix, or an inventory."""
MAX_FILTERS = 20

Text = Annotated[str, StringConstraints(min_length=1, max_length=1_024, pattern=r"^[^\x00-\x1f\x7f]*$")]
Uri = Annotated[
    str, StringConstraints(max_length=1_100, pattern=r"^s3://[^/\x00-\x1f\x7f]+/[^\x00-\x1f\x7f]+$")
]


class Input(BaseModel):
    """What a request says; unknown fields are refused, and nothing is converted but times."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    table: Text = Field(description="The table's name in the settings.", examples=["sales.orders"])


class IngestInput(Input):
    """Load what S3 holds and the table lacks: below a prefix, of an inventory, or these objects."""

    prefix: Text | None = Field(default=None, description="Keys that begin so, within the table's prefix.")
    since: datetime | None = Field(default=None, description="Written since this time.")
    until: datetime | None = Field(default=None, description="Written before this time.")
    inventory: Uri | None = Field(default=None, description="The manifest.json of an S3 Inventory.")
    objects: list[Uri] | None = Field(
        default=None, min_length=1, max_length=MAX_NAMED, description="These objects only."
    )


class RebuildInput(Input):
    """Replace partitions of the table by what S3 holds now."""

    partitions: list[Text] | None = Field(
        default=None, min_length=1, max_length=MAX_NAMED,
        description="The keys of partitions; required if the table has any.",
    )  # fmt: skip


class ReplayInput(Input):
    """Read objects again: those with rows in quarantine, these, or all of the table."""

    objects: list[Uri] | None = Field(default=None, min_length=1, max_length=MAX_NAMED)
    whole_table: bool = False


class Filter(BaseModel):
    """A condition on a column; for `in`, the value is a list; for `is_null`, true or false."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    column: Text
    op: Literal["=", "!=", "<", "<=", ">", ">=", "in", "is_null"] = "="
    value: str | int | float | bool | list[str | int | float | bool]


class ExportInput(Input):
    """Write rows of the table to S3, below the results of jobs."""

    columns: list[Text] | None = Field(default=None, min_length=1, max_length=2_000)
    filters: list[Filter] = Field(default_factory=list, max_length=MAX_FILTERS)
    snapshot_id: int | None = Field(default=None, ge=0, le=2**63 - 1)
    format: Literal["parquet", "csv"] = "parquet"
    max_rows: int | None = Field(default=None, ge=1)


INPUTS: Mapping[str, type[Input]] = MappingProxyType(
    {"ingest": IngestInput, "rebuild": RebuildInput, "replay": ReplayInput, "export": ExportInput}
)

CheckOwn = Callable[[str, Mapping[str, Any]], None]
"""Checks the input of a kind that users have declared; raises JobRefused."""


def checked_input(settings: Settings, kind: str, given: Any, check_own: CheckOwn) -> str:
    """The canonical text of a valid input. Raises JobRefused, which names the field."""
    jobs = settings.jobs
    if jobs is None or kind not in jobs.names:
        known = ", ".join(jobs.names) if jobs is not None else "none"
        raise JobRefused("job", f"there is no such kind of job; there are {known}")
    if not isinstance(given, dict):
        raise JobRefused("input", "is not a JSON object")
    try:
        text = canonical(given)
    except (ValueError, RecursionError):
        raise JobRefused("input", "has a number that is not finite, or is nested too deeply") from None
    if len(text) > MAX_INPUT_BYTES:
        raise JobRefused("input", f"has more than {MAX_INPUT_BYTES:,} bytes")
    if kind in INPUTS:
        _check_built_in(settings, kind, given)
    else:
        check_own(kind, given)
    return text


def input_fault(settings: Settings, check_own: CheckOwn, kind: str, text: str) -> str | None:
    """What is wrong with the input of a request whose text came from the queue; None if it is valid."""
    try:
        checked_input(settings, kind, json.loads(text), check_own)
    except JobRefused as error:
        return str(error)
    return None


def parsed_input(kind: str, given: Mapping[str, Any]) -> Input:
    """The input of a built-in kind. Raises JobRefused, which names the field."""
    try:
        return INPUTS[kind].model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(step) for step in ("input", *first["loc"]))
        raise JobRefused(path, _told(first["type"], first["msg"])) from None


def _told(kind: str, text: str) -> str:
    match kind:
        case "extra_forbidden":
            return "is not a field of this input"
        case "missing":
            return "is missing"
        case "string_pattern_mismatch":
            return "has characters that it may not have, or is not an s3:// URI"
        case _:
            return text[:1].lower() + text[1:]


def _check_built_in(settings: Settings, kind: str, given: Mapping[str, Any]) -> None:
    asked = parsed_input(kind, given)
    try:
        table = settings.table(asked.table)
    except KeyError:
        raise JobRefused("input.table", "the settings have no such table") from None
    if table.is_of_messages and kind != "export":
        raise JobRefused("input.table", "its rows are messages, which SQS does not keep; only export them")
    if isinstance(asked, IngestInput):
        _check_ingest(settings, table, asked)
    if isinstance(asked, IngestInput | ReplayInput):
        for index, uri in enumerate(asked.objects or ()):
            if not is_on_route(table, uri):
                raise JobRefused(f"input.objects.{index}", f"is not on the route {table.source}")
    if isinstance(asked, RebuildInput):
        _check_rebuild(table, asked)
    if isinstance(asked, ReplayInput) and asked.objects and asked.whole_table:
        raise JobRefused("input.whole_table", "leave it out, or the objects")
    if isinstance(asked, ExportInput) and settings.jobs is not None and settings.jobs.results is None:
        raise JobRefused("job", "the settings have no place for results; add `jobs.results`")


def _check_ingest(settings: Settings, table: TableSettings, asked: IngestInput) -> None:
    if asked.objects is not None and any((asked.prefix, asked.since, asked.until, asked.inventory)):
        raise JobRefused("input.objects", "leave it out, or all the others but the table")
    if (asked.since and asked.since.tzinfo is None) or (asked.until and asked.until.tzinfo is None):
        raise JobRefused("input.since", "a time needs its zone, like 2026-11-30T08:00:00Z")
    if asked.inventory is not None:
        bucket, _ = bucket_and_key(asked.inventory)
        if bucket not in {table.bucket, *(one.name for one in settings.buckets)}:
            text = f"its bucket is neither {table.bucket}, the table's, nor one of `buckets` in the settings"
            raise JobRefused("input.inventory", text)
    try:
        scope_of(table, prefix=asked.prefix, since=asked.since, until=asked.until)
    except ValueError as error:
        raise JobRefused("input.prefix", str(error)) from None


def _check_rebuild(table: TableSettings, asked: RebuildInput) -> None:
    if table.partition is None:
        if asked.partitions is not None:
            raise JobRefused("input.partitions", "the table has no partitions; leave it out")
        return
    if asked.partitions is None:
        raise JobRefused("input.partitions", "is missing: the table has partitions")
    for index, key in enumerate(asked.partitions):
        if fault := partition_fault(table, key):
            raise JobRefused(f"input.partitions.{index}", fault)


def is_on_route(table: TableSettings, uri: str) -> bool:
    """Whether the table takes an object with this URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket == table.bucket and key.startswith(table.prefix) and key.endswith(table.suffix)


def partition_fault(table: TableSettings, key: str) -> str | None:
    """Why the table cannot have a partition with this key; None: it can."""
    partition = table.partition
    if partition is None or partition.dynamic:
        return None
    if partition.values is not None:
        return None if key in partition.values else f"there is no such partition of {table.name}"
    return None if _is_window(partition, key) else f"there is no such partition of {table.name}"


def _is_window(partition: PartitionSettings, key: str) -> bool:
    """Whether this is the key of a window from `start` until now."""
    every = partition.every or "day"
    try:
        time = datetime.strptime(key, "%Y-%m-%d-%H:%M" if every == "hour" else "%Y-%m-%d")  # noqa: DTZ007
    except ValueError:
        return False
    is_key = window_key(every, window_start(every, time)) == key
    return is_key and partition.start_time <= time <= utc_now().replace(tzinfo=None)
