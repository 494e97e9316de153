"""How a write that S3 lists stands to what the ledger knows of its key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.versions_of_key import UNDER_WAY, KeyVersion
from ingest_project.settings.model import OnOverwrite
from ingest_project.sources.object_version import UNVERSIONED, ObjectVersion
from ingest_project.sources.routing import RoutedObject

WHOLE_SECOND = timedelta(seconds=1)
"""LastModified is in whole seconds, and a store may round it up."""


@dataclass(frozen=True, slots=True)
class ListedWrite:
    """A write that a listing shows, with its table and partition, and when that part of it was made."""

    routed: RoutedObject
    listed_at: datetime


class Standing(StrEnum):
    """What the ledger knows of a listed write.

    `settled` need not be ingested: it is superseded, skipped, or another write of its key counts. `recent`:
    a newer write of its key came after the listing. `missing` and `changed` writes are unknown; the key of a
    `changed` one has the rows of another write in the table.
    """

    COMMITTED = "committed"
    WAITING = "waiting"
    FAILED = "failed"
    SETTLED = "settled"
    RECENT = "recent"
    MISSING = "missing"
    CHANGED = "changed"


UNKNOWN = (Standing.MISSING, Standing.CHANGED)
"""Writes that no message has brought: the ledger does not know them."""

OF_STATES = (
    (Standing.COMMITTED, (ObjectState.COMMITTED,)),
    (Standing.WAITING, UNDER_WAY),
    (Standing.FAILED, (ObjectState.FAILED, ObjectState.QUARANTINED)),
    (Standing.SETTLED, (ObjectState.SUPERSEDED, ObjectState.SKIPPED)),
)


def standing(listed: ListedWrite, versions: Sequence[KeyVersion], policy: OnOverwrite) -> Standing:
    """The standing of a listed write among the ledger's versions of its key."""
    item = listed.routed.object
    same = {one.state for one in versions if _is_same_write(item, one)}
    for found, states in OF_STATES:
        if same.intersection(states):
            return found
    is_replaced_by_newer = policy != "append" or item.version_id is None
    if is_replaced_by_newer and any(one.claimed_at >= listed.listed_at for one in versions):
        return Standing.RECENT
    known = {one.state for one in versions}
    if policy == "ignore" and known.intersection((ObjectState.COMMITTED, *UNDER_WAY)):
        return Standing.SETTLED
    return Standing.CHANGED if policy != "append" and ObjectState.COMMITTED in known else Standing.MISSING


def _is_same_write(item: ObjectVersion, known: KeyVersion) -> bool:
    """Whether the ledger's version is the listed write.

    With a version id that decides, unless a rebuild has found the write by its eTag. Without one the eTag
    decides, which is the same in the event and in the listing, also of a multipart upload: what is in the
    table, or on its way there, has these bytes. What was settled without them must be no older, because the
    same bytes may have been written again. A recovered version has no eTag; its time is that of the listing.
    """
    if item.version_id is not None:
        was_listed = known.known_from_listing and known.etag == item.etag
        return known.version_id == item.version_id or (was_listed and item.event_time <= known.claimed_at)
    if known.version_id not in {None, UNVERSIONED}:
        return False
    is_no_older = item.event_time <= known.event_time + WHOLE_SECOND
    if known.etag is None:
        return is_no_older
    counts = known.state in {ObjectState.COMMITTED, *UNDER_WAY}
    return known.etag == item.etag and (counts or is_no_older)
