"""Which of several writes of one key counts: the order of the versions, and the choice of each policy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cmp_to_key

from ingest_project.ledger.clock_jumps import is_due
from ingest_project.ledger.model import ObjectState
from ingest_project.settings.model import OnOverwrite

UNDER_WAY = (ObjectState.PENDING, ObjectState.PLANNED)
NOT_INGESTED = (ObjectState.PENDING, ObjectState.FAILED, ObjectState.QUARANTINED)
"""Versions in these states are not in the table and not in a batch, but may still be ingested."""


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """What is needed of one version of a key to order the versions and to choose among them."""

    object_id: str
    state: ObjectState
    version_id: str | None
    sequencer: str | None
    etag: str | None
    event_time: datetime
    claimed_at: datetime
    not_before: datetime
    size_bytes: int
    partition_key: str | None

    @property
    def known_from_listing(self) -> bool:
        """Whether a rebuild found it by listing the bucket, so that it is identified by its eTag alone."""
        return self.version_id is None and self.sequencer is None

    def is_write_of(self, listed: "KeyVersion") -> bool:
        """Whether a listing has shown this same write, or a later one of the same bytes.

        A write before the listing that has the listed eTag is in it. LastModified does not help here: for a
        multipart upload it is the time at which the upload began.
        """
        return (
            listed.known_from_listing
            and self.object_id != listed.object_id
            and self.etag == listed.etag
            and self.event_time <= listed.claimed_at
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with the pending versions of one key: object ids to ingest, and the others with reasons."""

    ingest: tuple[str, ...] = ()
    superseded: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


def choose(versions: Sequence[KeyVersion], policy: OnOverwrite, *, now: datetime) -> Choice:
    """Apply `on_overwrite` to the known versions of one key.

    replace: the newest write that is due is tried; the others are settled with it, after S3 has shown which
    one is the newest. append: every write counts. ignore: the first write that could be ingested counts.
    While a version of the key is in an open batch, no other one is chosen, so that two batches never race for
    one key; `append` does not need this.
    """
    if len(versions) == 1:  # most keys are written once
        return _by_policy([*versions], policy, now)
    seen = {one.object_id for one in versions if _was_listed(one, versions, (ObjectState.COMMITTED,))}
    chosen = _by_policy(in_order([one for one in versions if one.object_id not in seen]), policy, now)
    duplicates = tuple((one, "a rebuild has ingested this write already") for one in sorted(seen))
    return Choice(chosen.ingest, chosen.superseded + duplicates, chosen.skipped)


def compare(left: KeyVersion, right: KeyVersion) -> int:
    """Negative if `left` was written before `right`.

    S3's sequencers decide if both versions have one: the shorter one is padded with zeros on the right, and
    both are compared as text, which is valid within one key only
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html). Otherwise the
    events' times decide, then the order in which they were claimed.
    """
    if left.sequencer and right.sequencer:
        width = max(len(left.sequencer), len(right.sequencer))
        a, b = left.sequencer.upper().ljust(width, "0"), right.sequencer.upper().ljust(width, "0")
        if a != b:
            return -1 if a < b else 1
    one, other = (left.event_time, left.claimed_at), (right.event_time, right.claimed_at)
    return (one > other) - (one < other)


def in_order(versions: Iterable[KeyVersion]) -> list[KeyVersion]:
    """The versions of one key, oldest first."""
    return sorted(versions, key=cmp_to_key(compare))


def is_behind(version: KeyVersion, versions: Iterable[KeyVersion]) -> bool:
    """Whether the messages say that one of these versions of the key is newer."""
    return any(compare(version, one) < 0 for one in versions)


def _by_policy(ordered: list[KeyVersion], policy: OnOverwrite, now: datetime) -> Choice:
    pending = [version for version in ordered if version.state == ObjectState.PENDING]
    if not pending:
        return Choice()
    if policy == "append":
        return _every_write(ordered, pending)
    if any(version.state == ObjectState.PLANNED for version in ordered):
        return Choice()
    if policy == "ignore":
        return _first_write(ordered, pending)
    return _newest_write(pending, now)


def _every_write(ordered: list[KeyVersion], pending: list[KeyVersion]) -> Choice:
    """All of them. If a listed write and the event of this same write are known, one waits for the other."""
    twins = {
        listed.object_id
        for listed in pending
        if listed.known_from_listing
        and any(one.is_write_of(listed) for one in ordered if one.state in UNDER_WAY)
    }
    waiting = {one.object_id for one in pending if _was_listed(one, ordered, (ObjectState.PLANNED,))}
    return Choice(ingest=tuple(one.object_id for one in pending if one.object_id not in twins | waiting))


def _first_write(ordered: list[KeyVersion], pending: list[KeyVersion]) -> Choice:
    if any(version.state == ObjectState.COMMITTED for version in ordered):
        reason = "on_overwrite is ignore and an earlier write of the key is in the table"
        return Choice(skipped=tuple((version.object_id, reason) for version in pending))
    return Choice(ingest=(pending[0].object_id,))


def _newest_write(pending: list[KeyVersion], now: datetime) -> Choice:
    """The newest one that is due: a write that S3 does not serve must not hold back those that it does."""
    due = [one for one in pending if is_due(one.not_before, now)]
    return Choice(ingest=(due[-1].object_id,) if due else ())


def _was_listed(version: KeyVersion, versions: Iterable[KeyVersion], states: tuple[ObjectState, ...]) -> bool:
    """Whether a pending version is a write that a rebuild has found, and that is in one of these states."""
    return version.state == ObjectState.PENDING and any(
        version.is_write_of(listed) for listed in versions if listed.state in states
    )
