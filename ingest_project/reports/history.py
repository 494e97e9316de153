"""The history of object versions for people: a line for each, and all details of a single one."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingest_project.ledger.history import ObjectRecord, RejectedMessage
from ingest_project.ledger.history_details import AttemptRecord, BatchPart, MessageRecord
from ingest_project.ledger.key_pattern import WILDCARDS
from ingest_project.ledger.model import ActionState, BatchRole, ObjectState
from ingest_project.ledger.source_actions import ActionRecord
from ingest_project.reports.listing import Listing
from ingest_project.reports.terminal import cell
from ingest_project.settings.job_settings import kind_of_table
from ingest_project.settings.message_tables import QUEUE_SCHEME
from ingest_project.settings.model import Settings
from ingest_project.settings.wording import plural
from ingest_project.sources.object_version import is_object_uri, object_uri

STYLES = {
    ObjectState.COMMITTED: "green",
    ObjectState.FAILED: "bold red",
    ObjectState.QUARANTINED: "red",
    ObjectState.PENDING: "yellow",
    ObjectState.PLANNED: "yellow",
}


def expand_keys(keys: Iterable[str], settings: Settings, table: str | None) -> tuple[str, ...]:
    """The keys; those without wildcards become URIs in the buckets of the tables, or of the jobs' queue."""
    buckets = sorted({one.bucket for one in settings.tables if table in {None, one.name}})
    if settings.jobs_queue is not None and (table is None or kind_of_table(table) is not None):
        buckets.append(f"{QUEUE_SCHEME}{settings.jobs_queue.name}")
    found: list[str] = []
    for key in keys:
        is_plain = not is_object_uri(key) and not WILDCARDS & set(key)
        found += [object_uri(bucket, key) for bucket in buckets] if is_plain and buckets else [key]
    return tuple(found)


def render_history(
    records: Sequence[ObjectRecord],
    console: Console,
    *,
    verbose: bool = False,
    limit: int | None = None,
    filters: Sequence[str] = (),
) -> None:
    """Print the object versions; a single one, or all if `verbose`, with their messages, batches and
    attempts.

    `filters` are the words of the message if nothing matches.
    """
    if not records:
        console.print(
            cell(
                f"No object version matches {', '.join(filters)}."
                if filters
                else "The ledger is empty: nothing was received yet."
            )
        )
        return
    if verbose or len(records) == 1:
        for record in records:
            _render_one(record, console)
        return
    _print_lines(records, console)
    if len(records) == limit:
        console.print(cell(f"The newest {limit} are shown; --limit shows more.", "yellow"))


def render_rejected(messages: Sequence[RejectedMessage], console: Console) -> None:
    """Print the messages that are left to the DLQ."""
    if not messages:
        console.print("No message was rejected.")
        return
    listing = Listing("message", "queue", "received (UTC)", "#receives", "reason")
    for one in messages:
        listing.add(
            cell(one.message_id), cell(one.queue), cell(_time(one.received_at)), cell(str(one.receive_count)),
            cell(one.reason),
        )  # fmt: skip
    listing.print(console, name="message")


def _print_lines(records: Sequence[ObjectRecord], console: Console) -> None:
    """A line for each if the widest fits into the terminal; else each key on its own line, never wrapped."""
    listing = Listing(
        "object",
        "state",
        "table",
        "partition",
        "#rows",
        "#rejected",
        "claimed (UTC)",
        "committed (UTC)",
        "why",
    )
    for one in records:
        listing.add(
            cell(one.uri), _state(one), cell(one.table), cell(one.partition or ""), cell(_number(one.rows)),
            cell(_number(one.rejected_rows or None)), cell(_time(one.claimed_at)),
            cell(_time(one.committed_at)), cell(_why(one)),
        )  # fmt: skip
    listing.print(console, name="object")


def _render_one(one: ObjectRecord, console: Console) -> None:
    console.print(cell(one.uri, "bold"), soft_wrap=True)
    grid = Table.grid(padding=(0, 2, 0, 2))
    for name, value in _facts(one):
        if not value:
            continue
        grid.add_row(cell(name, "dim"), value if isinstance(value, Text) else cell(value))
    console.print(grid)
    if one.messages:
        _messages(one.messages).print(console, name="message")
    if one.batches:
        _batches(one.batches, told=_why(one)).print(console, name="batch")


def _facts(one: ObjectRecord) -> Iterable[tuple[str, str | Text]]:
    yield "version", one.version
    if kind_of_table(one.table) is not None:
        yield (
            "job",
            f"{kind_of_table(one.table)}; `ingest job status {one.uri.rpartition('/')[2]}` has the rest",
        )
    yield "table", f"{one.table}, partition {one.partition}" if one.partition else one.table
    yield "state", _state(one)
    if why := _why(one):
        yield "why", why
    if one.rows is not None and kind_of_table(one.table) is None:
        yield "rows", f"{one.rows:,} of {plural(one.size_bytes, 'byte')}, snapshot {one.snapshot_id}"
    if one.rejected_rows:
        # A newer write or a rebuild removes them from the quarantine together with the object's good rows.
        where = ", in quarantine" if one.state is ObjectState.COMMITTED else ""
        yield "rejected rows", f"{one.rejected_rows:,}{where}"
    yield "put", _time(one.put_at) or "unknown"
    yield "event sent", _time(one.event_at)
    yield "claimed", _time(one.claimed_at)
    if one.state is ObjectState.PENDING:
        yield "tried again", _time(one.not_before)
    yield "committed", _time(one.committed_at)
    yield "messages deleted", _time(one.deleted_at)
    if one.after is not None:
        yield "afterwards", _afterwards(one.after)
    yield "receives", str(one.receive_count)


def _afterwards(one: ActionRecord) -> str:
    """What was done to the object itself, or why not."""
    what = f"{one.action} {one.detail}" if one.detail else one.action
    if one.state is ActionState.DUE:
        tried = f"; failed {plural(one.attempts, 'time')}: {one.reason}" if one.attempts else ""
        return f"{what}: to be done once its messages are deleted{tried}"
    outcome = "done" if one.state is ActionState.DONE else "not done"
    return f"{what}: {outcome}, {_time(one.ended_at)}" + (f", {one.reason}" if one.reason else "")


def _messages(messages: Iterable[MessageRecord]) -> Listing:
    listing = Listing("message", "state", "sent (UTC)", "received", "deleted", "#receives", "reason")
    for one in messages:
        listing.add(
            cell(one.message_id), cell(one.state), cell(_time(one.sent_at)), cell(_time(one.received_at)),
            cell(_time(one.deleted_at)), cell(str(one.receive_count)), cell(one.reason or ""),
        )  # fmt: skip
    return listing


def _batches(parts: Iterable[BatchPart], *, told: str) -> Listing:
    """A line for each attempt; the batch, and its result for the object, with the first one.

    `told` is not repeated.
    """
    listing = Listing("batch", "result", "#attempt", "run", "started (UTC)", "ended", "outcome", "error")
    for part in parts:
        heads = [(f"{part.batch_id} ({part.kind}, {part.state})", _made(part))]
        for one in part.attempts or (None,):
            batch, made = heads.pop() if heads else ("", "")
            listing.add(cell(batch), cell(made), *map(cell, _attempt(one, told)))
    return listing


def _made(part: BatchPart) -> str:
    if part.error_class is not None:
        return part.error_class
    if part.rows is None:
        return "not in S3" if part.role is BatchRole.GONE and part.reason is not None else ""
    return plural(part.rows, "row") + (f", {part.rejected_rows:,} rejected" if part.rejected_rows else "")


def _attempt(one: AttemptRecord | None, told: str) -> tuple[str, ...]:
    if one is None:
        return ("", "", "", "", "never started", "")
    error = "" if one.error is None or one.error in told else one.error
    started, ended = _time(one.started_at), _time(one.ended_at)
    return (str(one.number), one.run_id, started, ended, one.outcome or "in progress", error)


def _state(one: ObjectRecord) -> Text:
    return cell(one.state, STYLES.get(one.state, ""))


def _why(one: ObjectRecord) -> str:
    if one.state is ObjectState.COMMITTED:
        return ""
    return ": ".join(part for part in (one.error_class, one.reason) if part)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _time(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"
