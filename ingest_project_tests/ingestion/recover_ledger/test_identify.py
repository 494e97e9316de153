"""Which write a `_source_version` names, by what S3 lists of its key."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest_project.ingestion.recover_ledger.identify import Identified, identify
from ingest_project.sources.object_version import UNKNOWN_TIME, ObjectVersion
from ingest_project.sources.s3.versions import ListedVersion

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ETAG, OTHER_ETAG = "d41d8cd98f00b204e9800998ecf8427e", "0cc175b9c0f1b6a831c399e269772661"
VERSION_ID = "096fKKXTRTtl3on89fVO.nfljtsv6qko"
SEQUENCER = "0055AED6DCD90281E5"


def listed(version_id: str | None, etag: str = OTHER_ETAG, *, minutes_ago: int = 10) -> ListedVersion:
    return ListedVersion("b", "k", version_id, etag, 7, NOW - timedelta(minutes=minutes_ago))


def found(version: str, *versions: ListedVersion) -> Identified:
    return identify("b", "k", version, ingested_at=NOW, listed=versions)


def test_a_version_id_has_s3s_time_and_all_listed_behind_it_are_older() -> None:
    newer, this, older = listed("v3", minutes_ago=1), listed(VERSION_ID, ETAG), listed("v1", minutes_ago=20)

    answer = found(VERSION_ID, newer, this, older)

    assert answer.object == ObjectVersion("b", "k", 7, this.last_modified, version_id=VERSION_ID, etag=ETAG)
    assert answer.older == (older,)


def test_an_etag_is_the_newest_write_of_its_bytes_that_the_ingest_can_have_read() -> None:
    later = listed("v4", ETAG, minutes_ago=-1)
    between, this, first = (
        listed("v3"),
        listed("v2", ETAG, minutes_ago=15),
        listed("v1", ETAG, minutes_ago=20),
    )

    answer = found(ETAG, later, between, this, first)

    assert (answer.object.event_time, answer.object.version) == (this.last_modified, ETAG)
    assert answer.object.version_id is None
    assert answer.older == (first,)


@pytest.mark.parametrize(("minutes_ago", "is_known"), [(10, True), (-10, False)])
def test_a_sequencer_has_the_time_of_the_current_object_if_that_can_be_it(
    minutes_ago: int, is_known: bool
) -> None:
    current = listed(None, minutes_ago=minutes_ago)

    item = found(SEQUENCER, current).object

    assert (item.sequencer, item.version_id, item.etag) == (SEQUENCER, None, None)
    assert item.event_time == (current.last_modified if is_known else UNKNOWN_TIME)


@pytest.mark.parametrize("version", [VERSION_ID, ETAG, f"{ETAG}-12", SEQUENCER, "null-ish", "0"])
def test_what_s3_no_longer_lists_is_older_than_all_that_comes(version: str) -> None:
    answer = found(version)

    assert answer.object.version == version
    assert answer.object.event_time == UNKNOWN_TIME
    assert answer.older == ()


def test_an_etag_of_several_parts_is_no_version_id() -> None:
    assert found(f"{ETAG}-3").object.etag == f"{ETAG}-3"
