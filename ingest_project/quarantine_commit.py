"""Commits a batch's bad rows to the table's quarantine: before the table's commit they come, after it older ones go.

Two tables cannot be committed in one go, so the order makes it one batch: what the quarantine holds of a batch counts
for nothing until the table's commit, and each attempt at the batch first takes out what earlier ones left there. For
that to stay true, no earlier attempt may commit to the table afterwards: an attempt that is not the first moves the
table's head, which refuses all commits that stand on an older one, and looks again. From then on only a newer attempt
can commit, and that one would have made the ledger refuse this one's confirmation.

The bad rows of the writes that the batch replaces go once the table's commit is made and not before: another attempt
may find that the newer write cannot be read, and then the older one's good rows stay, and its bad rows with them.
"""

from collections.abc import Callable
from dataclasses import replace

from ingest_project.batch_writer import BatchWriter
from ingest_project.batches.model import BatchWork
from ingest_project.iceberg.commit import Commit
from ingest_project.iceberg.replacement import Replacement

Confirm = Callable[[], Replacement]
"""The ledger's word for what the batch replaces; raises if the batch is another run's."""


def add_bad_rows(work: BatchWork, writer: BatchWriter, confirm: Confirm) -> Commit | None:
    """Makes the quarantine hold, of this batch, exactly the bad rows that this attempt found.

    If the table's commit turns out to have been made by an earlier attempt, that is given, and nothing is changed.
    """
    is_retry = work.batch.starts > 1
    files = writer.written.quarantine_files
    if writer.quarantine is None or not (files or is_retry):
        return None
    if is_retry and (earlier := _shut_out_earlier_attempts(work, writer, confirm)) is not None:
        writer.discard(writer.written)
        return earlier

    def confirmed() -> Replacement:
        confirm()
        return _own_rows(work) if is_retry else Replacement()

    writer.quarantine.commit(
        _key(work), files, confirmed, properties=summary_properties(work), even_if_empty=is_retry
    )
    return None


def take_out_replaced(work: BatchWork, writer: BatchWriter, replaced: Confirm) -> None:
    """After the table's commit, takes the bad rows of the writes that it replaced out of the quarantine. Idempotent."""
    if writer.quarantine is None or replaced().is_empty:
        return

    def others() -> Replacement:
        return replace(replaced(), except_batch=work.batch.batch_id)

    writer.quarantine.commit(f"{_key(work)}/replaced", (), others, properties=summary_properties(work))


def summary_properties(work: BatchWork) -> dict[str, str]:
    """What the summaries of a batch's snapshots say beside its id."""
    return {"ingest.queue": work.batch.queue, "ingest.kind": work.batch.kind}


def _key(work: BatchWork) -> str:
    """The name of an attempt's commit: its rows carry the batch's id, so the id alone would not tell attempts apart."""
    return f"{work.batch.batch_id}/{work.batch.starts}"


def _shut_out_earlier_attempts(work: BatchWork, writer: BatchWriter, confirm: Confirm) -> Commit | None:
    if writer.table is None:
        return None

    def confirmed() -> Replacement:
        confirm()
        return Replacement()

    writer.table.move_head(_key(work), confirmed, properties=summary_properties(work))
    return writer.table.find_commit(work.batch.batch_id, work.batch.planned_at)


def _own_rows(work: BatchWork) -> Replacement:
    """What earlier attempts at this very batch set aside."""
    batch_id = work.batch.batch_id
    return Replacement(
        writes=frozenset((member.object.uri, member.object.version, batch_id) for member in work.objects)
    )
