"""Sending to a queue from Dagster: the resource `sqs`, and an op that writes a frame or an asset."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import dagster as dg
from pydantic import Field

from ingest_project.defs.jobs import failure
from ingest_project.defs.record_table import record_table
from ingest_project.errors import IngestError, InvalidEntries
from ingest_project.services import Services
from ingest_project.settings.model import PROVENANCE_COLUMNS, TableSettings

if TYPE_CHECKING:
    import polars as pl

    from ingest_project.defs.frame_entries import EntryColumns
    from ingest_project.sources.sqs.send_result import SendResult


class Columns(TypedDict, total=False):
    """Which columns of a row become what, as in the config of the ops; None and "" name none."""

    id_column: str | None
    body_column: str | None
    group_column: str | None
    deduplication_column: str | None
    delay_column: str | None
    attribute_columns: Mapping[str, str]


class SqsSink:
    """Queues by their names in the settings, or by URL. Ask for it as `dg.ResourceParam[SqsSink]`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def send_batch(
        self,
        queue: str,
        entries: Sequence[Mapping[str, Any]],
        *,
        max_trials: int = 3,
        append_error: bool = True,
    ) -> "SendResult":
        """Like `ingest_project.sources.sqs.send_batch`, with the settings of this deployment."""
        from ingest_project.sources.sqs import send_batch

        opened = self._services.queue_at(queue)
        return send_batch(opened, entries, max_trials=max_trials, append_error=append_error)

    def send_frame(
        self,
        queue: str,
        frame: "pl.DataFrame | pl.LazyFrame",
        *,
        max_trials: int = 3,
        **columns: Unpack[Columns],
    ) -> "tuple[int, pl.DataFrame]":
        """Sends each row; gives how many were sent, and a frame of those that failed.

        The order of the rows is kept within a group of a FIFO queue. Raises InvalidEntries, before anything
        is sent, if a column is missing or an Id or body is null or there twice.
        """
        return self._send(queue, [frame.lazy().collect()], _entry_columns(columns), max_trials)

    def send_table(
        self,
        queue: str,
        table: str,
        partition: str | None = None,
        select: Sequence[str] = (),
        max_trials: int = 3,
        **columns: Unpack[Columns],
    ) -> "tuple[int, pl.DataFrame]":
        """Like `send_frame`, for the rows of a table of the settings, or of one of its Dagster partitions.

        `select` are the columns that a row has, by default those without the provenance columns. Rows are
        read and sent in portions, of one snapshot, in no defined order; an Id has to be unique, and is only
        compared with those of its portion. Raises KeyError if the settings do not have the table.
        """
        named = _entry_columns(columns)
        rows = self._rows(self._services.settings.table(table), named, partition, select)
        return self._send(queue, rows, named, max_trials)

    def _send(
        self, queue: str, frames: "Iterable[pl.DataFrame]", columns: "EntryColumns", max_trials: int
    ) -> "tuple[int, pl.DataFrame]":
        from ingest_project.defs.frame_entries import failed_frame, frame_entries
        from ingest_project.sources.sqs.send import Sender
        from ingest_project.sources.sqs.send_result import FailedEntry

        sender = Sender(self._services.queue_at(queue), max_trials=max_trials)
        sent, rows, failed = 0, 0, list[FailedEntry]()
        for frame in frames:
            for part in frame_entries(frame, columns, first_row=rows):
                result = sender.send(part)
                sent += len(result.succeeded)
                failed.extend(result.failed)
            rows += frame.height
        return sent, failed_frame(failed, columns)

    def _rows(
        self, table: TableSettings, columns: "EntryColumns", partition: str | None, select: Sequence[str]
    ) -> "Iterator[pl.DataFrame]":
        import polars as pl

        lake_table = self._services.lake.find(table.name)
        if lake_table is None:
            return
        known = [*lake_table.columns, *PROVENANCE_COLUMNS]
        read = list(dict.fromkeys([*(select or lake_table.columns), *columns.used]))
        if unknown := [one for one in read if one not in known]:
            raise InvalidEntries([f"the table {table.name} has no column {one!r}" for one in unknown])
        sources = None if partition is None else set(self._sources(table, partition))
        for portion in lake_table.row_portions(read, sources=sources):
            frame = pl.from_arrow(portion)
            assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table, not a column
            yield frame

    def _sources(self, table: TableSettings, partition: str) -> Iterator[tuple[str, str]]:
        """Where the rows of a Dagster partition come from, by the ledger."""
        if table.partition is None:
            raise InvalidEntries([f"{table.name} has no partitions, so {partition!r} is not one"])
        from ingest_project.sources.object_version import object_uri

        ledger, after = self._services.existing_ledger(), None
        while page := ledger.committed_versions(table.name, after=after, partition=partition):
            after = page[-1]
            yield from ((object_uri(one.bucket, one.key), one.version) for one in page)


class SendConfig(dg.Config):
    """Where the rows go, and which columns of a row become what."""

    queue: str = Field(default="", description="A queue's name in the settings, or its URL; required.")
    body_column: str | None = Field(default="", description="Empty: the whole row as a JSON object.")
    id_column: str | None = Field(default="", description="Unique in the rows. Empty: the row's number.")
    group_column: str | None = Field(default="", description="The MessageGroupId. Empty: none.")
    deduplication_column: str | None = Field(default="", description="Empty: one is made if needed.")
    delay_column: str | None = Field(default="", description="The DelaySeconds. Empty: the queue's.")
    attribute_columns: dict[str, str] = Field(
        default={}, description="Columns by the names of message attributes, like {shop: shop_id}."
    )
    max_trials: int = Field(default=3, ge=1, le=100, description="Calls that an entry is part of at most.")

    @property
    def columns(self) -> Columns:
        return Columns(
            id_column=self.id_column, body_column=self.body_column, group_column=self.group_column,
            deduplication_column=self.deduplication_column, delay_column=self.delay_column,
            attribute_columns=self.attribute_columns,
        )  # fmt: skip


class SendTableConfig(SendConfig):
    """Which rows of which table go where."""

    table: str = Field(default="", description="A table's name in the settings; required.")
    partition: str | None = Field(
        default="", description="One of its Dagster partitions. Empty: that of the run, or the whole table."
    )
    select: list[str] = Field(
        default=[], description="The columns of a row. Empty: all, without the provenance columns."
    )


def send_to_queue_op(name: str = "send_to_queue", *, queue: str = "") -> dg.OpDefinition:
    """An op that sends the rows of its input `rows`, a Polars frame, to a queue.

    Its outputs are `sent`, the number of messages that SQS took, and `failed`, a frame of the entries that
    it did not take, each with its `Error`, which is there even if it is empty. Failed entries do not fail
    the run. `queue` is the default of the config's. An asset is sent by giving it as the input in a job.
    """

    @dg.op(
        name=name,
        description="Send each row of a Polars frame to an SQS queue.",
        ins={"rows": dg.In(description="A Polars DataFrame or LazyFrame.")},
        out=_OUTPUTS,
    )
    def send(
        context: dg.OpExecutionContext, config: SendConfig, rows: Any, sqs: dg.ResourceParam[SqsSink]
    ) -> Any:
        to = config.queue or queue
        try:
            result = sqs.send_frame(to, rows, max_trials=config.max_trials, **config.columns)
        except IngestError as error:
            raise failure(error) from None
        yield from _outputs(context, to, result)

    return send


def send_table_op(name: str = "send_table", *, queue: str = "", table: str = "") -> dg.OpDefinition:
    """An op that sends the rows of a table of the settings, or of one of its Dagster partitions, to a queue.

    Its outputs are those of `send_to_queue_op`. `queue` and `table` are the defaults of the config's.
    """

    @dg.op(
        name=name, description="Send each row of a table, or of a partition, to an SQS queue.", out=_OUTPUTS
    )
    def send(context: dg.OpExecutionContext, config: SendTableConfig, sqs: dg.ResourceParam[SqsSink]) -> Any:
        to, of = config.queue or queue, config.table or table
        partition = config.partition or (context.partition_key if context.has_partition_key else None)
        try:
            result = sqs.send_table(
                to, of, partition=partition, select=config.select, max_trials=config.max_trials,
                **config.columns,
            )  # fmt: skip
        except KeyError:
            raise dg.Failure(f"the settings have no table {of!r}") from None
        except IngestError as error:
            raise failure(error) from None
        yield from _outputs(context, to, result)

    return send


_OUTPUTS = {
    "sent": dg.Out(int, description="How many messages SQS took."),
    "failed": dg.Out(description="A Polars frame of the entries that failed, with their errors."),
}


def _outputs(
    context: dg.OpExecutionContext, queue: str, result: "tuple[int, pl.DataFrame]"
) -> Iterator[dg.Output[Any]]:
    sent, failed = result
    if failed.height:
        context.log.warning(f"{failed.height:,} entries for {queue} failed; see the output `failed`")
    yield dg.Output(sent, "sent", metadata={"queue": queue, "sent": sent})
    yield dg.Output(failed, "failed", metadata={"failed": failed.height, "errors": _errors(failed)})


def _entry_columns(columns: Columns) -> "EntryColumns":
    from ingest_project.defs.frame_entries import EntryColumns

    return EntryColumns(
        id=columns.get("id_column") or None, body=columns.get("body_column") or None,
        group=columns.get("group_column") or None,
        deduplication=columns.get("deduplication_column") or None,
        delay=columns.get("delay_column") or None, attributes=columns.get("attribute_columns", {}),
    )  # fmt: skip


def _errors(failed: "pl.DataFrame") -> dg.TableMetadataValue:
    """The first hundred failed entries, without their bodies."""
    shown = ({"id": one["Id"], "code": one["Error"]["Code"], "why": one["Error"]["Message"]} for one in
             failed.head(100).select("Id", "Error").to_dicts())  # fmt: skip
    return record_table(("id", "code", "why"), shown)
