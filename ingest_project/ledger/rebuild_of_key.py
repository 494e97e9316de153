"""What the rebuild of a partition does about one key, given what S3 lists and what the ledger knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest_project.ledger.model import UNREAD, ObjectState
from ingest_project.ledger.versions_of_key import UNDER_WAY, KeyVersion, in_order

OPEN = (ObjectState.PENDING, ObjectState.PLANNED, ObjectState.FAILED)
NEED_NOT_BE_READ = (*OPEN, ObjectState.QUARANTINED)
"""Versions in these states are superseded once the rebuild has committed its own write of the key."""
IN_TABLE_OR_ON_ITS_WAY = (ObjectState.PENDING, ObjectState.PLANNED, ObjectState.COMMITTED)


@dataclass(frozen=True, slots=True)
class Listed:
    """What the listing says about a key: the eTag of its current object, and when the listing began."""

    etag: str | None
    listed_at: datetime


@dataclass(frozen=True, slots=True)
class KeyRebuild:
    """What to do about a key; nothing unless `touched`.

    `ingest` is the known version that S3 lists, or None if the ledger does not know it yet. `older` are
    versions that need not be read once it is committed, `removed` those whose rows are taken out without
    replacement, `gone` those that had failed and cannot be read any more.
    """

    touched: bool = False
    ingest: str | None = None
    older: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def rebuild_listed(listed: Listed, versions: Sequence[KeyVersion]) -> KeyRebuild:
    """What to do about a key that S3 lists.

    S3's listings are strongly consistent: what was claimed before this one began is what it lists, or older.
    What was claimed since may be newer: its own event brings it.
    """
    since = [one for one in versions if one.claimed_at >= listed.listed_at and one.etag != listed.etag]
    if any(one.state in IN_TABLE_OR_ON_ITS_WAY for one in since):
        return KeyRebuild()
    same = in_order([one for one in versions if one.etag == listed.etag])
    member = same[-1].object_id if same else None
    older = [
        one
        for one in versions
        if one.state in NEED_NOT_BE_READ and one not in since and one.object_id != member
    ]
    return KeyRebuild(touched=True, ingest=member, older=tuple(one.object_id for one in older))


def rebuild_unlisted(
    versions: Sequence[KeyVersion], *, partition_key: str | None, listed_at: datetime, is_absent: bool = False
) -> KeyRebuild:
    """What to do about a key with rows or failed versions in the partition that S3 does not list there.

    Its rows are removed, unless a write is under way or was claimed after the listing began, or the key has
    rows in another partition, which have the same URI. Failed versions stay unless the key `is_absent`: S3
    does not list it in any partition of the table, nor as an object that the table passes over.
    """
    if any(one.state in UNDER_WAY for one in versions):
        return KeyRebuild()
    in_table = [one for one in versions if one.state == ObjectState.COMMITTED]
    stay = any(one.claimed_at >= listed_at or one.partition_key != partition_key for one in in_table)
    removed = () if stay else tuple(one.object_id for one in in_table)
    gone = _gone(versions, partition_key, listed_at) if is_absent else ()
    return KeyRebuild(touched=bool(removed or gone), removed=removed, gone=gone)


def _gone(versions: Sequence[KeyVersion], partition_key: str | None, listed_at: datetime) -> tuple[str, ...]:
    """Failed versions that were claimed, and so written, before the listing began."""
    return tuple(
        one.object_id
        for one in versions
        if one.state in UNREAD and one.partition_key == partition_key and one.claimed_at < listed_at
    )
