"""What the rebuild of a partition does about one key: what S3 lists of it, against what the ledger knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest_project.batches.model import ObjectState
from ingest_project.batches.versions_of_key import KeyVersion, in_order

OPEN = (ObjectState.PENDING, ObjectState.PLANNED, ObjectState.FAILED)
NEED_NOT_BE_READ = (*OPEN, ObjectState.QUARANTINED)
"""What the rebuild's own write of the key supersedes."""
IN_TABLE_OR_ON_ITS_WAY = (ObjectState.PENDING, ObjectState.PLANNED, ObjectState.COMMITTED)


@dataclass(frozen=True, slots=True)
class Listed:
    """What the listing says of a key: the eTag of its current object, and when the listing began."""

    etag: str | None
    listed_at: datetime


@dataclass(frozen=True, slots=True)
class KeyRebuild:
    """What to do about a key; all empty and not `touched`: leave it alone.

    `ingest` is the known version that S3 lists, None if the ledger has to learn it first. `superseded` are versions
    that need not be read any more, `removed` those whose rows go without any to follow.
    """

    touched: bool = False
    ingest: str | None = None
    superseded: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def rebuild_listed(listed: Listed, versions: Sequence[KeyVersion]) -> KeyRebuild:
    """The key exists. S3's listings are strongly consistent, so what was claimed before this one began was written
    before it, and is either what it lists or older. What was claimed since may be newer: its own event brings it.
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
    return KeyRebuild(touched=True, ingest=member, superseded=tuple(one.object_id for one in older))


def rebuild_unlisted(
    versions: Sequence[KeyVersion], *, partition_key: str | None, listed_at: datetime
) -> KeyRebuild:
    """The partition has rows of the key, and S3 does not list it there: they go.

    Not so if a write is on its way or came after the listing began, nor if the key has rows in another partition,
    which cannot be told from these by the object's URI.
    """
    for one in versions:
        if one.state in (ObjectState.PENDING, ObjectState.PLANNED):
            return KeyRebuild()
        in_table = one.state == ObjectState.COMMITTED
        if in_table and (one.claimed_at >= listed_at or one.partition_key != partition_key):
            return KeyRebuild()
    removed = tuple(one.object_id for one in versions if one.state == ObjectState.COMMITTED)
    return KeyRebuild(touched=bool(removed), removed=removed)
