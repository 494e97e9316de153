"""Jobs for people: what became of objects, putting failed work back, and pruning the ledger, from the launchpad.

The same as `ingest history`, `ingest retry` and `ingest ledger prune`; the answer is in the metadata of the op's output.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from ingest_project.defs.jobs import failure
from ingest_project.defs.record_table import record_table
from ingest_project.errors import IngestError
from ingest_project.services import Services

if TYPE_CHECKING:
    from ingest_project.batches.history import HistoryQuery, ObjectRecord

HISTORY_COLUMNS = (
    "object", "version", "table", "partition", "state", "rows", "rejected_rows", "error_class", "reason", "put", "event", "claimed",
    "committed", "messages_deleted", "receives", "messages", "batches", "attempts", "snapshot",
)  # fmt: skip


class HistoryConfig(dg.Config):
    """Which object versions to show; all that is given must hold."""

    table: str | None = Field(default=None, description="The table's name in the settings.")
    key: str | None = Field(
        default=None, description="A key, an s3:// URI, or a glob of either with * and ?."
    )
    state: str | None = Field(
        default=None,
        description="pending, planned, failed, committed, quarantined, superseded or skipped.",
    )
    error_class: str | None = Field(default=None, description="Such as missing or unreadable.")
    since: str | None = Field(default=None, description="Claimed since then: an ISO 8601 time, UTC.")
    limit: int = Field(default=100, ge=1, le=1_000, description="The newest so many.")


class RetryConfig(dg.Config):
    """What to put back; at least one is needed, and all that is given must hold."""

    object_uris: list[str] = Field(
        default=[], description="s3://bucket/key; only so is brought back what was skipped."
    )
    batch_id: str | None = Field(default=None, description="What this batch could not ingest, or itself.")
    error_class: str | None = Field(default=None, description="Such as missing or unreadable.")
    table: str | None = Field(default=None, description="The table's name in the settings.")


class ReplayConfig(dg.Config):
    """Which objects to read again."""

    table: str = Field(description="The table's name in the settings.")
    object_uris: list[str] = Field(
        default=[], description="s3://bucket/key; none: all that have rows in quarantine."
    )
    whole_table: bool = Field(default=False, description="Every object in the table, not only those.")


class PruneConfig(dg.Config):
    """How much history to keep."""

    older_than_days: int = Field(default=30, ge=14, le=3_650)
    dry_run: bool = Field(default=False, description="Only say what would be forgotten.")


@dg.op(description="What became of object versions; the answer is in the output's metadata.")
def history(
    context: dg.OpExecutionContext, config: HistoryConfig, services: dg.ResourceParam[Services]
) -> None:
    """Show object versions, the newest claims first."""
    query = _query(config, services)
    try:
        found = services.ledger.history(query)
    except IngestError as error:
        raise failure(error) from None
    counts: dict[str, int] = {}
    for one in found:
        counts[one.state] = counts.get(one.state, 0) + 1
    context.log.info(f"{len(found)} object versions")
    context.add_output_metadata(
        {"objects": record_table(HISTORY_COLUMNS, map(_history_record, found)), "counts": counts}
    )


@dg.op(description="Put failed work back, to be tried again at once.")
def retry(context: dg.OpExecutionContext, config: RetryConfig, services: dg.ResourceParam[Services]) -> None:
    """Put back what failed. Fails if nothing matched."""
    from ingest_project.batches.retry import RetrySelection
    from ingest_project.repairs import retry_lines

    selection = RetrySelection(tuple(config.object_uris), config.batch_id, config.error_class, config.table)
    if selection.is_empty:
        raise dg.Failure(
            "say what to retry: object_uris, batch_id, error_class or table", allow_retries=False
        )
    try:
        retried = services.ledger.retry(selection)
    except IngestError as error:
        raise failure(error) from None
    lines = list(retry_lines(retried, services.settings))
    for line in lines:
        context.log.info(line)
    if not retried.queues:
        raise dg.Failure(" ".join(lines), allow_retries=False)
    context.add_output_metadata(
        {
            "objects": sum(retried.objects.values()),
            "batches": len(retried.batches),
            "what": record_table(("what",), ({"what": line} for line in lines)),
        }
    )


@dg.op(description="Read objects again, for their rows in quarantine.")
def replay(
    context: dg.OpExecutionContext, config: ReplayConfig, services: dg.ResourceParam[Services]
) -> None:
    """Plan the replay, which the queue's sensor starts. Fails if nothing matched."""
    from ingest_project.repairs import replay_lines

    try:
        table = services.settings.table(config.table)
        replayed = services.replay(config.table, uris=config.object_uris, whole=config.whole_table)
    except KeyError:
        raise dg.Failure(f"the settings have no table {config.table!r}", allow_retries=False) from None
    except IngestError as error:
        raise failure(error) from None
    lines = list(replay_lines(replayed, table, services.settings))
    for line in lines:
        context.log.info(line)
    if not replayed.batches:
        raise dg.Failure(" ".join(lines), allow_retries=False)
    context.add_output_metadata(
        {
            "objects": replayed.objects,
            "rejected_rows": replayed.rejected_rows,
            "batches": len(replayed.batches),
        }
    )


@dg.op(description="Forget history that nothing can ask for any more.")
def prune(context: dg.OpExecutionContext, config: PruneConfig, services: dg.ResourceParam[Services]) -> None:
    """Bound the ledger; safe while the sensors run."""
    try:
        pruned = services.prune(older_than=timedelta(days=config.older_than_days), dry_run=config.dry_run)
    except IngestError as error:
        raise failure(error) from None
    context.add_output_metadata(
        {
            "messages": pruned.messages,
            "batches": pruned.batches,
            "object_versions": pruned.object_versions,
            "dry_run": config.dry_run,
        }
    )


@dg.job(executor_def=dg.in_process_executor, description="What became of object versions, newest first.")
def ledger_history() -> None:
    """`ingest history` from the launchpad."""
    history()


@dg.job(executor_def=dg.in_process_executor, description="Put failed work back, to be tried again at once.")
def ledger_retry() -> None:
    """`ingest retry` from the launchpad."""
    retry()


@dg.job(executor_def=dg.in_process_executor, description="Read objects again, for their rows in quarantine.")
def ledger_replay() -> None:
    """`ingest replay` from the launchpad."""
    replay()


@dg.job(executor_def=dg.in_process_executor, description="Forget history that nothing can ask for any more.")
def ledger_prune() -> None:
    """`ingest ledger prune` from the launchpad, or by a schedule of one's own."""
    prune()


def ledger_jobs() -> list[dg.JobDefinition]:
    """The jobs that a person launches."""
    return [ledger_history, ledger_retry, ledger_replay, ledger_prune]


def _query(config: HistoryConfig, services: Services) -> "HistoryQuery":
    from ingest_project.batches.history import HistoryQuery
    from ingest_project.batches.model import ObjectState
    from ingest_project.history import expand_keys

    try:
        states = (ObjectState(config.state),) if config.state else ()
        since = datetime.fromisoformat(config.since) if config.since else None
    except ValueError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    keys = expand_keys([config.key] if config.key else [], services.settings, config.table)
    return HistoryQuery(config.table, keys, states, config.error_class, since, config.limit)


def _history_record(one: "ObjectRecord") -> dict[str, str | int | datetime | None]:
    attempts = [
        f"{part.batch_id} {attempt.number}: run {attempt.run_id} {attempt.outcome or 'under way'}"
        for part in one.batches
        for attempt in part.attempts
    ]
    return {
        "object": one.uri, "version": one.version, "table": one.table, "partition": one.partition,
        "state": one.state, "rows": one.rows,
        "rejected_rows": one.rejected_rows, "error_class": one.error_class, "reason": one.reason,
        "put": one.put_at, "event": one.event_at, "claimed": one.claimed_at, "committed": one.committed_at,
        "messages_deleted": one.deleted_at, "receives": one.receive_count,
        "messages": ", ".join(message.message_id for message in one.messages),
        "batches": ", ".join(part.batch_id for part in one.batches), "attempts": "; ".join(attempts),
        "snapshot": None if one.snapshot_id is None else str(one.snapshot_id),
    }  # fmt: skip
