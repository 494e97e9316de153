"""Sending to a queue from Dagster: the resource `sqs`, and an op that writes a frame or an asset."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from ingest_project.defs.jobs import failure
from ingest_project.defs.record_table import record_table
from ingest_project.errors import IngestError
from ingest_project.services import Services

if TYPE_CHECKING:
    import polars as pl

    from ingest_project.sources.sqs.send_result import SendResult


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
        id_column: str | None = None,
        body_column: str | None = None,
        group_column: str | None = None,
        deduplication_column: str | None = None,
        delay_column: str | None = None,
        max_trials: int = 3,
    ) -> "tuple[int, pl.DataFrame]":
        """Sends each row; gives how many were sent, and a frame of those that failed.

        The order of the rows is kept within a group of a FIFO queue. Raises InvalidEntries, before anything
        is sent, if a column is missing or an Id or body is null or there twice.
        """
        from ingest_project.defs.frame_entries import EntryColumns, failed_frame, frame_entries
        from ingest_project.sources.sqs.send import Sender
        from ingest_project.sources.sqs.send_result import FailedEntry

        columns = EntryColumns(id_column, body_column, group_column, deduplication_column, delay_column)
        sender = Sender(self._services.queue_at(queue), max_trials=max_trials)
        sent, failed = 0, list[FailedEntry]()
        for part in frame_entries(frame.lazy().collect(), columns):
            result = sender.send(part)
            sent += len(result.succeeded)
            failed.extend(result.failed)
        return sent, failed_frame(failed)


class SendConfig(dg.Config):
    """Where the rows go, and which columns of a row become what."""

    queue: str = Field(default="", description="A queue's name in the settings, or its URL; required.")
    body_column: str | None = Field(default="", description="Empty: the whole row as a JSON object.")
    id_column: str | None = Field(default="", description="Unique in the frame. Empty: the row's number.")
    group_column: str | None = Field(default="", description="The MessageGroupId. Empty: none.")
    deduplication_column: str | None = Field(default="", description="Empty: one is made if needed.")
    delay_column: str | None = Field(default="", description="The DelaySeconds. Empty: the queue's.")
    max_trials: int = Field(default=3, ge=1, le=100, description="Calls that an entry is part of at most.")


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
        out={
            "sent": dg.Out(int, description="How many messages SQS took."),
            "failed": dg.Out(description="A Polars frame of the entries that failed, with their errors."),
        },
    )
    def send(
        context: dg.OpExecutionContext, config: SendConfig, rows: Any, sqs: dg.ResourceParam[SqsSink]
    ) -> Any:
        to = config.queue or queue
        try:
            sent, failed = sqs.send_frame(
                to,
                rows,
                id_column=config.id_column or None,
                body_column=config.body_column or None,
                group_column=config.group_column or None,
                deduplication_column=config.deduplication_column or None,
                delay_column=config.delay_column or None,
                max_trials=config.max_trials,
            )
        except IngestError as error:
            raise failure(error) from None
        if failed.height:
            context.log.warning(f"{failed.height:,} entries for {to} failed; see the output `failed`")
        yield dg.Output(sent, "sent", metadata={"queue": to, "sent": sent})
        yield dg.Output(failed, "failed", metadata={"failed": failed.height, "errors": _errors(failed)})

    return send


def _errors(failed: "pl.DataFrame") -> dg.TableMetadataValue:
    """The first hundred failed entries, without their bodies."""
    shown = ({"id": one["Id"], "code": one["Error"]["Code"], "why": one["Error"]["Message"]} for one in
             failed.head(100).select("Id", "Error").to_dicts())  # fmt: skip
    return record_table(("id", "code", "why"), shown)
