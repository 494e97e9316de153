"""What the ledger knows of a write that S3 lists, by version id, eTag and time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ingest_project.ledger.listed_write import ListedWrite, Standing, standing
from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.versions_of_key import KeyVersion
from ingest_project.settings.model import OnOverwrite
from ingest_project.sources.object_version import UNKNOWN_TIME, ObjectVersion
from ingest_project.sources.routing import RoutedObject
from ingest_project_tests.ledger.factories import NOW

MINUTE = timedelta(minutes=1)
WRITTEN = NOW - 10 * MINUTE
MULTIPART = "d41d8cd98f00b204e9800998ecf8427e-3"


def listed(version_id: str | None = None, etag: str = "e1") -> ListedWrite:
    """The current write, listed now."""
    item = ObjectVersion("landing", "a", 1, WRITTEN, version_id=version_id, etag=etag)
    return ListedWrite(RoutedObject(item, "sales.orders", None), NOW)


EVENT = KeyVersion(
    "id", ObjectState.COMMITTED, None, "0055", "e1", WRITTEN, NOW - MINUTE, NOW, 1, None
)  # fmt: skip
"""What the event of the same write has told."""


def known(**changes: object) -> KeyVersion:
    return replace(EVENT, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (ObjectState.COMMITTED, Standing.COMMITTED), (ObjectState.PENDING, Standing.WAITING),
        (ObjectState.PLANNED, Standing.WAITING), (ObjectState.FAILED, Standing.FAILED),
        (ObjectState.QUARANTINED, Standing.FAILED), (ObjectState.SUPERSEDED, Standing.SETTLED),
        (ObjectState.SKIPPED, Standing.SETTLED),
    ],
)  # fmt: skip
def test_each_state_of_the_same_write_has_a_standing(state: ObjectState, expected: Standing) -> None:
    assert standing(listed(), [known(state=state)], "replace") is expected
    version = known(state=state, version_id="v1", sequencer=None)
    assert standing(listed("v1"), [version], "replace") is expected


@pytest.mark.parametrize("policy", ["replace", "append", "ignore"])
def test_key_without_a_version_is_missing(policy: OnOverwrite) -> None:
    assert standing(listed(), [], policy) is Standing.MISSING


def test_other_write_of_a_committed_key_is_changed_appended_or_ignored() -> None:
    other = [known(etag="e0")]

    assert standing(listed(), other, "replace") is Standing.CHANGED
    assert standing(listed(), other, "append") is Standing.MISSING
    assert standing(listed(), other, "ignore") is Standing.SETTLED


def test_key_whose_other_write_only_failed_lacks_this_one() -> None:
    assert standing(listed(), [known(etag="e0", state=ObjectState.FAILED)], "ignore") is Standing.MISSING


def test_event_of_a_multipart_upload_that_took_long_is_the_same_write() -> None:
    ended = known(etag=MULTIPART, event_time=WRITTEN + 5 * MINUTE)

    assert standing(listed(etag=MULTIPART), [ended], "replace") is Standing.COMMITTED


def test_version_id_decides_though_the_bytes_are_the_same() -> None:
    event = known(version_id="v0")

    assert standing(listed("v1"), [event], "replace") is Standing.CHANGED
    assert standing(listed(), [event], "replace") is Standing.CHANGED


def test_write_that_a_rebuild_has_listed_by_its_etag_is_known_by_its_version_id_too() -> None:
    rebuilt = known(sequencer=None)

    assert standing(listed("v1"), [rebuilt], "replace") is Standing.COMMITTED
    assert standing(listed("v1"), [replace(rebuilt, claimed_at=WRITTEN - MINUTE)], "replace") is (
        Standing.CHANGED
    )


def test_same_bytes_written_again_after_they_were_settled_without_rows_are_missing() -> None:
    for state in (ObjectState.SUPERSEDED, ObjectState.SKIPPED, ObjectState.FAILED):
        earlier = known(state=state, event_time=WRITTEN - MINUTE)
        assert standing(listed(), [earlier], "replace") is Standing.MISSING
        assert standing(listed(), [replace(earlier, event_time=WRITTEN)], "replace") is not Standing.MISSING


def test_recovered_version_without_an_etag_is_known_by_its_time() -> None:
    recovered = known(etag=None)

    assert standing(listed(), [recovered], "replace") is Standing.COMMITTED
    assert standing(listed(), [replace(recovered, event_time=UNKNOWN_TIME)], "replace") is Standing.CHANGED


def test_write_whose_key_was_written_again_since_the_listing_is_left_to_that_event() -> None:
    newer = known(etag="e2", claimed_at=NOW, state=ObjectState.PENDING)

    assert standing(listed(), [newer], "replace") is Standing.RECENT
    assert standing(listed(), [newer], "append") is Standing.RECENT  # its bytes are gone
    assert standing(listed("v1"), [replace(newer, version_id="v2")], "append") is Standing.MISSING
