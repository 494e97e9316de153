"""The work that a job puts in: it is recorded with its claim, so that a crash loses neither."""

from collections.abc import Sequence

import sqlalchemy as sa

from ingest_project.ledger.job_records import add_work
from ingest_project.ledger.known_versions import versions_of_keys
from ingest_project.ledger.listed_write import ListedWrite
from ingest_project.ledger.tables import key_id, object_versions
from ingest_project.ledger.versions_of_key import UNDER_WAY


def add_work_under_way(connection: sa.Connection, job_id: str, listed: Sequence[ListedWrite]) -> None:
    """Record as work of a job what waits, or is being ingested, of the keys of these writes.

    Also other writes of a key, because the newest of them decides which rows of the key are in the table.
    """
    keys = [key_id(one.routed.table, one.routed.object.bucket, one.routed.object.key) for one in listed]
    known = versions_of_keys(connection, keys, object_versions.c.state.in_(UNDER_WAY))
    found = {one.object_id for versions in known.values() for one in versions}
    add_work(connection, job_id, object_ids=sorted(found))
