"""Asks S3 which write of a key is the newest, for those objects of a batch whose key has several.

Messages claim an order, by sequencers and times, and everyone who may send to the queue can claim any order.
So before a write is superseded, S3 is asked what the key holds: that is newer than all other writes that the
ledger knew before. In a bucket with versions, older writes can still be read, and S3's own times decide which
of two is newer.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ingest_project.errors import ObjectError, ObjectMissing
from ingest_project.ledger.model import BatchKind, BatchObject, BatchWork, OtherWrites
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.object_head import ObjectHead
from ingest_project.sources.source import ContentStore

WORKERS = 16

OUTDATED = "S3 holds a newer write of the key, and the table has one that is not older than this one"
NEWER_IN_TABLE = "a newer write of the key is in the table"
SAME_WRITE = "the event of this same write is in the table"


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """What S3 showed of the batch's objects that have other writes.

    `current` are the ids of the objects that their keys hold now, `outdated` those that are superseded by
    what is in the table. For `untold` S3 did not answer; this attempt must not ingest them.
    """

    current: frozenset[str] = frozenset()
    outdated: frozenset[str] = frozenset()
    untold: Mapping[ObjectVersion, ObjectError] = field(default_factory=dict)

    def left_out(self, work: BatchWork) -> set[ObjectVersion]:
        """The objects that this attempt must not read."""
        return {one.object for one in work.objects if one.object_id in self.outdated} | set(self.untold)

    def superseded(self, work: BatchWork, committed: Collection[str]) -> dict[str, str]:
        """Reasons by object id, for all that need not be read any more when these objects are committed."""
        reasons = dict.fromkeys(self.outdated.difference(committed), OUTDATED)
        for member in work.objects:
            if member.others is None or member.object_id not in committed:
                continue
            if member.object_id in self.current:
                reasons |= dict.fromkeys(member.others.waiting, NEWER_IN_TABLE)
            reasons |= dict.fromkeys(member.others.same_write, SAME_WRITE)
        return reasons


@dataclass(frozen=True, slots=True)
class _Shown:
    """What S3 showed of one object."""

    is_current: bool = False
    is_outdated: bool = False
    error: ObjectError | None = None


def write_order(work: BatchWork, store: ContentStore) -> WriteOrder:
    """Asks S3 about each object whose key has other writes, with at most three requests each.

    Does not raise ObjectError: objects for which S3 does not answer are `untold`.
    """
    contested = [(one, one.others) for one in work.objects if one.others is not None and one.others.need_s3]
    if not contested:
        return WriteOrder()

    def look(one: tuple[BatchObject, OtherWrites]) -> _Shown:
        return _shown(one[0].object, one[1], store, may_give_way=work.batch.kind == BatchKind.INGEST)

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="write-order") as pool:
        shown = dict(zip((member for member, _ in contested), pool.map(look, contested), strict=True))
    return WriteOrder(
        current=frozenset(member.object_id for member, one in shown.items() if one.is_current),
        outdated=frozenset(member.object_id for member, one in shown.items() if one.is_outdated),
        untold={member.object: one.error for member, one in shown.items() if one.error is not None},
    )


def _shown(object_: ObjectVersion, others: OtherWrites, store: ContentStore, *, may_give_way: bool) -> _Shown:
    try:
        held = _head(store, object_, pinned=False)
        if held is not None and held.is_write(object_):
            return _Shown(is_current=True)
        if not may_give_way or others.in_table is None:
            return _Shown()
        return _Shown(is_outdated=not _is_newer(object_, others.in_table, others, store))
    except ObjectError as error:
        return _Shown(error=error)


def _is_newer(
    object_: ObjectVersion, in_table: ObjectVersion, others: OtherWrites, store: ContentStore
) -> bool:
    """Whether a write that its key no longer holds is newer than the one in the table, by S3's own times.

    Without versions it is gone, and reading it would fail: then it waits for a newer one if its message
    claims that it is newer. The claim also decides between two writes in one second, and if S3 no longer has
    the one in the table.
    """
    if not object_.is_versioned:
        return others.claims_to_be_newest
    own, other = _head(store, object_, pinned=True), _head(store, in_table, pinned=True)
    if own is None or other is None or own.last_modified == other.last_modified:
        return others.claims_to_be_newest
    return own.last_modified > other.last_modified


def _head(store: ContentStore, object_: ObjectVersion, *, pinned: bool) -> ObjectHead | None:
    try:
        return store.head(object_, pinned=pinned)
    except ObjectMissing:
        return None
