"""The order of a key's writes, and each policy's choice among them."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.versions_of_key import Choice, KeyVersion, choose, compare, in_order
from ingest_project.settings.model import OnOverwrite
from ingest_project_tests.ledger.factories import NOW

PENDING, PLANNED, COMMITTED = ObjectState.PENDING, ObjectState.PLANNED, ObjectState.COMMITTED


def version(object_id: str, state: ObjectState = PENDING, **fields: Any) -> KeyVersion:
    values = {
        "version_id": None,
        "sequencer": None,
        "etag": f"etag of {object_id}",
        "event_time": NOW,
        "claimed_at": NOW,
        "not_before": NOW,
        "size_bytes": 1,
        "partition_key": None,
    }
    return KeyVersion(object_id, state, **{**values, **fields})


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6"),
        ("0055aed6dcd90281e5", "0055AED6DCD90281E6"),  # in either case
        ("0055", "00551"),  # the shorter one is padded with zeros on the right
        ("00549", "0055"),  # so a longer one is not newer because of its length
        ("9", "A"),
    ],
)
def test_sequencers_order_the_writes_whatever_the_events_times_say(older: str, newer: str) -> None:
    first = version("first", sequencer=older, event_time=NOW + timedelta(days=1))
    second = version("second", sequencer=newer)

    assert compare(first, second) < 0 < compare(second, first)


def test_sequencers_that_differ_in_padding_only_leave_the_order_to_the_time() -> None:
    first = version("first", sequencer="0055")
    second = version("second", sequencer="005500", event_time=NOW + timedelta(seconds=1))

    assert compare(first, second) < 0


def test_without_a_sequencer_on_both_sides_the_events_times_decide() -> None:
    first = version("first", sequencer="FF")
    second = version("second", event_time=NOW + timedelta(milliseconds=1))

    assert compare(first, second) < 0


def test_of_writes_at_the_same_time_the_later_claim_is_the_newer() -> None:
    first = version("first")
    second = version("second", claimed_at=NOW + timedelta(seconds=1))

    assert compare(first, second) < 0
    assert compare(first, first) == 0


@given(st.permutations(["0", "00AF", "01", "1", "1F", "A"]))
def test_the_order_of_arrival_does_not_matter(arrived: list[str]) -> None:
    versions = [version(sequencer, sequencer=sequencer) for sequencer in arrived]

    assert [one.object_id for one in in_order(versions)] == ["0", "00AF", "01", "1", "1F", "A"]


@pytest.mark.parametrize("policy", ["replace", "append", "ignore"])
@pytest.mark.parametrize("state", [state for state in ObjectState if state != PENDING])
def test_nothing_is_chosen_of_a_key_without_pending_versions(policy: OnOverwrite, state: ObjectState) -> None:
    assert choose([version("a", state)], policy, now=NOW) == Choice()


@pytest.mark.parametrize("policy", ["replace", "append", "ignore"])
def test_a_write_that_a_rebuild_has_ingested_is_not_ingested_again(policy: OnOverwrite) -> None:
    listed = version("listed", COMMITTED, etag="x", claimed_at=NOW + timedelta(minutes=9))
    event = version("event", sequencer="01", etag="x", event_time=NOW + timedelta(minutes=5))

    choice = choose([listed, event], policy, now=NOW)

    assert choice.ingest == ()
    assert [object_id for object_id, _ in choice.superseded] == ["event"]


@pytest.mark.parametrize("policy", ["replace", "append"])
def test_the_same_bytes_written_after_a_rebuild_are_a_write_of_their_own(policy: OnOverwrite) -> None:
    listed = version("listed", COMMITTED, etag="x")
    event = version("event", sequencer="01", etag="x", event_time=NOW + timedelta(minutes=5))

    assert choose([listed, event], policy, now=NOW).ingest == ("event",)


def test_with_append_an_event_waits_while_a_rebuild_ingests_its_write() -> None:
    listed = version("listed", PLANNED, etag="x")
    event = version("event", sequencer="01", etag="x")

    assert choose([listed, event], "append", now=NOW) == Choice()


def test_with_append_a_listed_write_that_a_rebuild_could_not_read_gives_way_to_its_event() -> None:
    listed = version("listed", etag="x")
    event = version("event", sequencer="01", etag="x")

    choice = choose([listed, event], "append", now=NOW)

    assert choice == Choice(ingest=("event",))


def test_with_append_a_listed_write_comes_back_when_its_event_fails() -> None:
    listed = version("listed", etag="x")
    event = version("event", ObjectState.FAILED, sequencer="01", etag="x")

    assert choose([listed, event], "append", now=NOW) == Choice(ingest=("listed",))


def test_the_newest_pending_write_is_tried_and_the_others_wait() -> None:
    versions = [version(one, sequencer=one) for one in ("01", "03", "02")]

    assert choose(versions, "replace", now=NOW) == Choice(ingest=("03",))


def test_a_write_whose_time_has_not_come_does_not_hold_back_an_older_one() -> None:
    older = version("older", sequencer="01")
    newest = version("newest", sequencer="FF", not_before=NOW + timedelta(seconds=5))

    assert choose([older, newest], "replace", now=NOW) == Choice(ingest=("older",))


def test_a_write_that_claims_to_be_older_than_the_one_in_the_table_is_tried_all_the_same() -> None:
    in_table = version("in table", COMMITTED, sequencer="FF")
    claims_less = version("claims less", sequencer="01")

    assert choose([in_table, claims_less], "replace", now=NOW) == Choice(ingest=("claims less",))
