"""What a rebuild does about one key."""

from datetime import timedelta
from typing import Any

import pytest

from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.rebuild_of_key import KeyRebuild, Listed, rebuild_listed, rebuild_unlisted
from ingest_project.ledger.versions_of_key import KeyVersion
from ingest_project_tests.ledger.factories import NOW, PARTITION

LATER = NOW + timedelta(seconds=1)
LISTED = Listed("x", listed_at=LATER)
LEAVE_ALONE = KeyRebuild()


def version(object_id: str, state: ObjectState, **fields: Any) -> KeyVersion:
    values = {
        "version_id": None,
        "sequencer": "01",
        "etag": "x",
        "event_time": NOW,
        "claimed_at": NOW,
        "not_before": NOW,
        "size_bytes": 1,
        "partition_key": PARTITION,
    }
    return KeyVersion(object_id, state, **{**values, **fields})


def test_a_key_that_the_ledger_does_not_know_is_ingested() -> None:
    assert rebuild_listed(LISTED, []) == KeyRebuild(touched=True)


@pytest.mark.parametrize("state", ObjectState)
def test_a_known_version_with_the_listed_etag_is_ingested_again_whatever_became_of_it(
    state: ObjectState,
) -> None:
    assert rebuild_listed(LISTED, [version("a", state)]) == KeyRebuild(touched=True, ingest="a")


def test_the_newest_of_several_versions_with_the_listed_etag_is_the_one_that_s3_holds() -> None:
    versions = [
        version("new", ObjectState.PENDING, sequencer="03"),
        version("old", ObjectState.COMMITTED, sequencer="01"),
    ]

    assert rebuild_listed(LISTED, versions).ingest == "new"


@pytest.mark.parametrize("state", [ObjectState.PENDING, ObjectState.PLANNED, ObjectState.FAILED])
def test_an_open_version_that_s3_no_longer_lists_need_not_be_read(state: ObjectState) -> None:
    older = version("old", state, etag="y")

    assert rebuild_listed(LISTED, [older]) == KeyRebuild(touched=True, older=("old",))


@pytest.mark.parametrize("state", [ObjectState.PENDING, ObjectState.PLANNED, ObjectState.COMMITTED])
def test_a_write_claimed_since_the_listing_began_is_not_undone(state: ObjectState) -> None:
    newer = version("new", state, etag="y", claimed_at=LATER)

    assert rebuild_listed(LISTED, [newer]) == LEAVE_ALONE


def test_a_failed_write_claimed_since_the_listing_began_keeps_its_failure() -> None:
    newer = version("new", ObjectState.FAILED, etag="y", claimed_at=LATER)

    assert rebuild_listed(LISTED, [newer]) == KeyRebuild(touched=True)


def test_the_rows_of_a_key_that_s3_no_longer_lists_go() -> None:
    versions = [version("in the table", ObjectState.COMMITTED), version("broken", ObjectState.FAILED)]

    gone = rebuild_unlisted(versions, partition_key=PARTITION, listed_at=LATER)

    assert gone == KeyRebuild(touched=True, removed=("in the table",))


@pytest.mark.parametrize(
    "other",
    [
        version("on its way", ObjectState.PENDING),
        version("in a batch", ObjectState.PLANNED),
        version("came since", ObjectState.COMMITTED, claimed_at=LATER),
        version("elsewhere", ObjectState.COMMITTED, partition_key="2026-11-21"),
    ],
    ids=lambda one: one.object_id,
)
def test_the_rows_of_an_unlisted_key_stay_if_they_may_not_be_gone(other: KeyVersion) -> None:
    versions = [version("in the table", ObjectState.COMMITTED), other]

    assert rebuild_unlisted(versions, partition_key=PARTITION, listed_at=LATER) == LEAVE_ALONE
