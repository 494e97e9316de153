"""Commits a batch's bad rows to the quarantine before the table's commit, and takes out older ones after it.

Two tables cannot be committed atomically, so the order of the commits makes the batch one: a batch's rows in
the quarantine do not count before the table's commit, and each attempt first takes out what earlier attempts
left there. Then an earlier attempt must not commit to the table afterwards. So an attempt that is not the
first moves the table's head, after which commits based on an older head are refused, and looks again. From
then on only a newer attempt can commit, and with a newer attempt the ledger refuses this one's confirmation.

The bad rows of replaced writes are taken out after the table's commit, not before: another attempt may find
that the newer write cannot be read, and then the older one's good and bad rows stay.
"""

from collections.abc import Callable
from dataclasses import replace

from ingest_project.errors import BatchSuperseded, TableMismatch
from ingest_project.iceberg.commit import Commit
from ingest_project.iceberg.replacement import Replacement
from ingest_project.ingestion.write import BatchWriter, Written
from ingest_project.ledger.model import BatchWork

Confirm = Callable[[], Replacement]
"""Asks the ledger what the batch replaces; raises if the batch is another run's."""


def add_bad_rows(work: BatchWork, writer: BatchWriter, confirm: Confirm) -> Commit | None:
    """Makes the quarantine hold exactly the bad rows that this attempt found of the batch.

    If an earlier attempt has already made the table's commit, returns that commit and changes nothing.
    """
    is_retry = work.batch.starts > 1
    files = writer.written.quarantine_files
    if writer.quarantine is None or not (files or is_retry):
        return None

    def confirmed() -> Replacement:
        confirm()
        return _own_rows(work) if is_retry else Replacement()

    try:
        if is_retry and (earlier := _shut_out_earlier_attempts(work, writer, confirm)) is not None:
            writer.discard(writer.written)
            return earlier
        writer.quarantine.commit(
            _key(work), files, confirmed, properties=summary_properties(work), even_if_empty=is_retry
        )
    except (TableMismatch, BatchSuperseded):  # the good rows' files were not handed to a commit yet
        writer.discard(Written(files=writer.written.files))
        raise
    return None


def take_out_replaced(work: BatchWork, writer: BatchWriter, replaced: Confirm) -> int:
    """Takes the bad rows of replaced writes out of the quarantine; returns how many. Idempotent.

    Call it after the table's commit.
    """
    if writer.quarantine is None or replaced().is_empty:
        return 0

    def others() -> Replacement:
        return replace(replaced(), except_batch=work.batch.batch_id)

    commit = writer.quarantine.commit(
        f"{_key(work)}/replaced", (), others, properties=summary_properties(work)
    )
    return commit.rows_replaced


def summary_properties(work: BatchWork) -> dict[str, str]:
    """What the summaries of a batch's snapshots say besides its id."""
    return {"ingest.queue": work.batch.queue, "ingest.kind": work.batch.kind}


def _key(work: BatchWork) -> str:
    """The name of an attempt's commit to the quarantine: unlike the batch id, it distinguishes attempts."""
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
    """What earlier attempts at this batch set aside."""
    batch_id = work.batch.batch_id
    return Replacement(
        writes=frozenset((member.object.uri, member.object.version, batch_id) for member in work.objects)
    )
