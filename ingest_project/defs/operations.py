"""Jobs for people, from the launchpad: history of objects, retry, dismissal, replay, pruning.

They do the same as `ingest history`, `retry`, `dismiss`, `replay` and `ledger prune`; the answer is in the
metadata of the op's output. A selection that is empty, or that matches nothing, is a typing error and not an
incident: the run says so and does nothing else. It does not fail, which would print a stack trace and send an
alert.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from ingest_project.defs.jobs import failure, why
from ingest_project.defs.record_table import Cell, record_table
from ingest_project.errors import IngestError
from ingest_project.services import Services

if TYPE_CHECKING:
    from ingest_project.ledger.history import HistoryQuery, ObjectRecord
    from ingest_project.ledger.selection import Selection

HISTORY_COLUMNS = ("object", "became", "claimed", "committed")
DETAIL_COLUMNS = ("object", "fact", "value")


# The launchpad shows only fields whose default is not null, so the defaults are empty strings, which mean
# "any".
class HistoryConfig(dg.Config):
    """Which object versions to show: those that match all fields that are not empty."""

    table: str | None = Field(default="", description="The table's name in the settings. Empty: all tables.")
    key: str | None = Field(
        default="", description="A key, an s3:// URI, or a glob of either with * and ?. Empty: all keys."
    )
    state: str | None = Field(
        default="",
        description="pending, planned, failed, committed, quarantined, superseded or skipped. Empty: all "
        "states.",
    )
    error_class: str | None = Field(
        default="", description="Such as missing or unreadable, see docs/errors.md. Empty: all."
    )
    batch_id: str | None = Field(
        default="", description="All objects of this batch, ingested or not. Empty: all batches."
    )
    since: str | None = Field(
        default="",
        description="Claimed since this time: ISO 8601, in UTC, like 2026-11-20T08:00. Empty: at any time.",
    )
    limit: int = Field(default=100, ge=1, le=1_000, description="How many of the newest to show, 1 to 1000.")
    details: bool = Field(
        default=False,
        description="Whether a second table shows everything that is known of each: times, messages, "
        "batches, attempts.",
    )


class RetryConfig(dg.Config):
    """What to put back: objects that match all fields that are not empty; at least one is required."""

    object_uris: list[str] = Field(
        default=[],
        description='["s3://bucket/key", ...]; objects that were skipped, by rule or because they were '
        "dismissed, are put back only by their URI.",
    )
    batch_id: str | None = Field(
        default="", description="Failed objects of this batch, or the open batch itself."
    )
    error_class: str | None = Field(
        default="",
        description="Objects that failed with this class, such as missing or unreadable, see docs/errors.md.",
    )
    table: str | None = Field(
        default="", description="Failed objects of this table: its name in the settings."
    )


class DismissConfig(dg.Config):
    """What to settle: objects that match all fields that are not empty; at least one is required."""

    object_uris: list[str] = Field(
        default=[], description='["s3://bucket/key", ...]; these objects, if they failed.'
    )
    batch_id: str | None = Field(default="", description="Failed objects of this batch.")
    error_class: str | None = Field(
        default="",
        description="Objects that failed with this class, such as missing or unreadable, see docs/errors.md.",
    )
    table: str | None = Field(
        default="", description="Failed objects of this table: its name in the settings."
    )


class ReplayConfig(dg.Config):
    """Which objects to read again."""

    table: str = Field(default="", description="The table's name in the settings; required.")
    object_uris: list[str] = Field(
        default=[],
        description='["s3://bucket/key", ...]. Empty: all objects of the table that have rows in its '
        "quarantine.",
    )
    whole_table: bool = Field(
        default=False,
        description="Whether every object of the table is read again, not only those with rows in "
        "quarantine.",
    )


class PruneConfig(dg.Config):
    """How much history to keep."""

    older_than_days: int = Field(
        default=30,
        ge=14,
        le=3_650,
        description="Records that were settled longer ago are deleted. At least 14 days, because SQS may "
        "deliver a message for so long.",
    )
    dry_run: bool = Field(default=False, description="Whether to only count what would be deleted.")


@dg.op(description="Show the history of object versions; the answer is in the output's metadata.")
def history(
    context: dg.OpExecutionContext, config: HistoryConfig, services: dg.ResourceParam[Services]
) -> None:
    """Show object versions, the newest claims first."""
    try:
        query = _query(config, services)
    except ValueError as error:
        _refuse(context, f"{error}; see the descriptions of `state` and `since`.")
        return
    try:
        found = services.ledger.history(query)
    except IngestError as error:
        raise failure(error) from None
    counts: dict[str, int] = {}
    for one in found:
        counts[one.state] = counts.get(one.state, 0) + 1
    told = ", ".join(f"{state} {count:,}" for state, count in sorted(counts.items())) or "none"
    context.log.info(f"object versions: {told}")
    more = {"more": f"the newest {config.limit} are shown; `limit` shows more"}
    details = {"details": record_table(DETAIL_COLUMNS, (row for one in found for row in _details(one)))}
    context.add_output_metadata(
        {
            "object_versions": told,
            **(more if len(found) == config.limit else {}),
            "objects": record_table(HISTORY_COLUMNS, map(_history_record, found)),
            **(details if config.details else {}),
        }
    )


@dg.op(description="Put failed work back, to be tried again at once.")
def retry(context: dg.OpExecutionContext, config: RetryConfig, services: dg.ResourceParam[Services]) -> None:
    """Put back what failed. Refuses a selection that is empty, or that matches nothing."""
    from ingest_project.reports.repairs import retry_lines

    selection = _selection(config)
    if selection.is_empty:
        _refuse(context, "Say what to retry: object_uris, batch_id, error_class or table.")
        return
    try:
        retried = services.ledger.retry(selection)
    except IngestError as error:
        raise failure(error) from None
    lines = list(retry_lines(retried, services.settings))
    counts = {"objects": sum(retried.objects.values()), "batches": len(retried.batches)}
    _answer(context, lines, {**counts, "what": _table_of(lines)} if retried.queues else None)


@dg.op(description="Settle failed work that will not be ingested.")
def dismiss(
    context: dg.OpExecutionContext, config: DismissConfig, services: dg.ResourceParam[Services]
) -> None:
    """Settle what failed as skipped. Refuses a selection that is empty, or that matches nothing."""
    from ingest_project.reports.repairs import dismissal_lines

    selection = _selection(config)
    if selection.is_empty:
        _refuse(context, "Say what to dismiss: object_uris, batch_id, error_class or table.")
        return
    try:
        dismissed = services.ledger.dismiss(selection)
    except IngestError as error:
        raise failure(error) from None
    lines = list(dismissal_lines(dismissed))
    counts = {"objects": sum(dismissed.objects.values())}
    _answer(context, lines, {**counts, "what": _table_of(lines)} if dismissed.objects else None)


@dg.op(description="Read objects again that have rows in quarantine.")
def replay(
    context: dg.OpExecutionContext, config: ReplayConfig, services: dg.ResourceParam[Services]
) -> None:
    """Plan the replay, which the queue's sensor starts.

    Refuses an unknown table, or a selection that matches nothing.
    """
    from ingest_project.reports.repairs import replay_lines

    try:
        table = services.settings.table(config.table)
        replayed = services.replay(config.table, uris=config.object_uris, whole=config.whole_table)
    except KeyError:
        tables = ", ".join(one.name for one in services.settings.tables)
        _refuse(context, f"Say which table's objects to read again: `table` is one of {tables}.")
        return
    except IngestError as error:
        raise failure(error) from None
    lines = list(replay_lines(replayed, table, services.settings))
    counts = {
        "objects": replayed.objects,
        "bad_rows": replayed.rejected_rows,
        "batches": len(replayed.batches),
    }
    _answer(context, lines, counts if replayed.batches else None)


@dg.op(description="Delete history that no message can need any more.")
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
            "message_contents": pruned.message_contents,
            "jobs": pruned.jobs,
            "dry_run": config.dry_run,
        }
    )


@dg.job(executor_def=dg.in_process_executor, description="Show the history of object versions, newest first.")
def ledger_history() -> None:
    """`ingest history` from the launchpad."""
    history()


@dg.job(executor_def=dg.in_process_executor, description="Put failed work back, to be tried again at once.")
def ledger_retry() -> None:
    """`ingest retry` from the launchpad."""
    retry()


@dg.job(executor_def=dg.in_process_executor, description="Settle failed work that will not be ingested.")
def ledger_dismiss() -> None:
    """`ingest dismiss` from the launchpad."""
    dismiss()


@dg.job(executor_def=dg.in_process_executor, description="Read objects again that have rows in quarantine.")
def ledger_replay() -> None:
    """`ingest replay` from the launchpad."""
    replay()


@dg.job(executor_def=dg.in_process_executor, description="Delete history that no message can need any more.")
def ledger_prune() -> None:
    """`ingest ledger prune` from the launchpad, or by your own schedule."""
    prune()


def ledger_jobs() -> list[dg.JobDefinition]:
    """The jobs that a person launches."""
    return [ledger_history, ledger_retry, ledger_dismiss, ledger_replay, ledger_prune]


def _answer(context: dg.OpExecutionContext, lines: Sequence[str], done: Mapping[str, Any] | None) -> None:
    """Logs what was done, and adds the facts to the output's metadata. `done` is None if nothing matched."""
    if done is None:
        _refuse(context, " ".join(lines))
        return
    for line in lines:
        context.log.info(line)
    context.add_output_metadata(done)


def _table_of(lines: Sequence[str]) -> dg.TableMetadataValue:
    return record_table(("what",), ({"what": line} for line in lines))


def _refuse(context: dg.OpExecutionContext, reason: str) -> None:
    context.log.warning(reason)
    context.add_output_metadata({"refused": reason})


def _selection(config: RetryConfig | DismissConfig) -> "Selection":
    from ingest_project.ledger.selection import Selection

    return Selection(
        tuple(config.object_uris), config.batch_id or None, config.error_class or None, config.table or None
    )


def _query(config: HistoryConfig, services: Services) -> "HistoryQuery":
    from ingest_project.ledger.history import HistoryQuery
    from ingest_project.ledger.model import ObjectState
    from ingest_project.reports.history import expand_keys

    states = (ObjectState(config.state),) if config.state else ()
    since = datetime.fromisoformat(config.since) if config.since else None
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    keys = expand_keys([config.key] if config.key else [], services.settings, config.table or None)
    return HistoryQuery(
        config.table or None, keys, states, config.error_class or None, since, config.limit,
        config.batch_id or None,
    )  # fmt: skip


def _history_record(one: "ObjectRecord") -> dict[str, Cell]:
    return {
        "object": one.uri, "became": _became(one), "claimed": one.claimed_at, "committed": one.committed_at,
    }  # fmt: skip


def _became(one: "ObjectRecord") -> str:
    """In one cell: `committed, 20 rows, 1 bad row`, or `failed, unreadable: line 2 is not JSON`."""
    counts = ((one.rows, "row"), (one.rejected_rows, "bad row"))
    rows = [f"{count:,} {what}{'' if count == 1 else 's'}" for count, what in counts if count is not None]
    cause = why(one.uri, one.error_class, one.reason)
    return ", ".join([one.state, *([cause] if cause and one.state != "committed" else rows)])


def _details(one: "ObjectRecord") -> Iterator[dict[str, Cell]]:
    """Everything that is known of an object version, a row for each fact."""
    facts: list[tuple[str, Cell]] = [
        ("version", one.version), ("table", one.table), ("partition", one.partition), ("state", one.state),
        ("rows", one.rows), ("bad rows", one.rejected_rows), ("size in bytes", one.size_bytes),
        ("why", why(one.uri, one.error_class, one.reason)),
        ("put", one.put_at), ("event sent", one.event_at), ("claimed", one.claimed_at),
        ("committed", one.committed_at), ("messages deleted", one.deleted_at),
        ("receives", one.receive_count),
        ("snapshot", None if one.snapshot_id is None else str(one.snapshot_id)),
        *(("message", f"{message.message_id} {message.state}") for message in one.messages),
        *(
            ("attempt", f"{part.batch_id} {run.number}: run {run.run_id} {run.outcome or 'in progress'}")
            for part in one.batches
            for run in part.attempts
        ),
    ]  # fmt: skip
    for fact, value in facts:
        if value is not None and value != "":
            yield {"object": one.uri, "fact": fact, "value": value}
