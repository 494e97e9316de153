"""The judge finds what is tampered with: an oracle that cannot see a loss proves nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ingest_project_tests.fault_trials.oracle import (
    FOREIGN,
    Expected,
    Found,
    Recorded,
    SetAside,
    judge_ledger,
    judge_rows,
)
from ingest_project_tests.fault_trials.workload import BAD_LINES, FOREIGN_TIME, Write, body_of


def write(key: str = "t/a.ndjson", number: int = 1, rows: int = 5) -> Write:
    return Write(
        bucket="landing", key=key, number=number, rows=rows, size_bytes=rows * 60, etag=f"e{number}",
        version_id=f"v{number}", sequencer=f"00{number}", written_at=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip


def found(of: Write, **changes: object) -> Found:
    whole = Found(of.uri, of.version, of.name, of.rows, of.rows)
    return replace(whole, **changes)  # type: ignore[arg-type]


def expected(*writes: Write) -> Expected:
    made = Expected()
    made.all_of(writes)
    return made


def test_rows_that_are_all_there_once_are_clean() -> None:
    a, b = write(), write("t/b.ndjson")

    assert judge_rows(expected(a, b), [found(a), found(b)]).is_clean


def test_missing_object_is_a_loss_of_all_its_rows() -> None:
    a, b = write(), write("t/b.ndjson", rows=3)

    verdict = judge_rows(expected(a, b), [found(a)])

    assert (verdict.lost, verdict.duplicated, verdict.wrong) == (3, 0, 0)


def test_missing_row_is_a_loss() -> None:
    a = write()

    assert judge_rows(expected(a), [found(a, rows=4, distinct_rows=4)]).lost == 1


def test_row_that_is_there_twice_is_a_duplicate() -> None:
    a = write()

    assert judge_rows(expected(a), [found(a, rows=6)]).duplicated == 1


def test_row_lost_and_another_one_there_twice_are_both_seen_though_the_count_is_right() -> None:
    a = write()

    verdict = judge_rows(expected(a), [found(a, rows=5, distinct_rows=4)])

    assert (verdict.lost, verdict.duplicated) == (1, 1)


def test_older_write_in_place_of_the_newest_is_wrong_and_a_loss() -> None:
    older, newer = write(number=1), write(number=2)

    verdict = judge_rows(expected(newer), [found(older)])

    assert (verdict.lost, verdict.wrong) == (5, 5)


def test_older_write_beside_the_newest_is_wrong() -> None:
    older, newer = write(number=1), write(number=2)

    verdict = judge_rows(expected(newer), [found(older), found(newer)])

    assert (verdict.lost, verdict.wrong) == (0, 5)


def test_rows_of_one_write_under_the_version_of_another_are_wrong() -> None:
    older, newer = write(number=1), write(number=2)

    verdict = judge_rows(expected(newer), [found(older, version=newer.version)])

    assert verdict.wrong == 5
    assert verdict.lost == 5


def test_unexpected_object_is_wrong() -> None:
    a, stranger = write(), write("t/stranger.ndjson")

    assert judge_rows(expected(a), [found(a), found(stranger)]).wrong == 5


def test_any_one_choice_is_right_but_not_both() -> None:
    first, second = write(number=1), write(number=2)
    either = Expected()
    either.one_of(first.key, [first, second])

    assert judge_rows(either, [found(first)]).is_clean
    assert judge_rows(either, [found(second)]).is_clean
    assert judge_rows(either, [found(first), found(second)]).wrong == 5
    assert judge_rows(either, []).lost == 5


def test_rows_of_other_writers_are_counted_by_themselves() -> None:
    a = write()
    made = expected(a)
    made.foreign_rows = 2
    foreign = Found(f"{FOREIGN}1", "0", f"{FOREIGN}1/0", 1, 1)
    other = replace(foreign, version="1")

    assert judge_rows(made, [found(a), foreign, other]).is_clean
    assert judge_rows(made, [found(a), foreign]).lost == 1
    assert judge_rows(made, [found(a), foreign, other, replace(foreign, version="2")]).duplicated == 1


def test_ledger_that_agrees_is_clean() -> None:
    a = write()
    committed = {(a.uri, a.version): Recorded("committed", 5, None)}

    assert judge_ledger(expected(a), committed, {(a.uri, a.version)}).is_clean


def test_ledger_that_disagrees_with_the_table_is_seen() -> None:
    a = write()
    for recorded in (
        {},
        {(a.uri, a.version): Recorded("superseded", None, None)},
        {(a.uri, a.version): Recorded("committed", 4, None)},
    ):
        assert judge_ledger(expected(a), recorded, {(a.uri, a.version)}).stuck


def test_ledger_that_takes_absent_rows_for_committed_is_seen() -> None:
    a = write()

    assert judge_ledger(expected(a), {(a.uri, a.version): Recorded("committed", 5, None)}, set()).stuck


def test_object_that_failed_otherwise_than_predicted_is_seen() -> None:
    gone = write()
    made = Expected(failed={gone: "missing"})

    assert judge_ledger(made, {(gone.uri, gone.version): Recorded("failed", None, "missing")}, set()).is_clean
    assert judge_ledger(made, {(gone.uri, gone.version): Recorded("failed", None, "forbidden")}, set()).stuck
    assert judge_ledger(made, {(gone.uri, gone.version): Recorded("committed", 5, None)}, set()).stuck


def with_bad_lines() -> Write:
    return replace(write(), bad_lines=frozenset({2, 4}))


@pytest.mark.parametrize(
    ("lines", "faults"),
    [((2, 4), (0, 0, 0)), ((2,), (1, 0, 0)), ((2, 4, 4), (0, 1, 0)), ((2, 3), (1, 0, 1)), (None, (2, 0, 0))],
)
def test_line_that_is_not_in_quarantine_just_once_is_seen(
    lines: tuple[int, ...] | None, faults: tuple[int, int, int]
) -> None:
    a = with_bad_lines()
    set_aside = [] if lines is None else [SetAside(a.uri, a.version, lines)]

    verdict = judge_rows(expected(a), [found(a)], set_aside)

    assert (verdict.lost, verdict.duplicated, verdict.wrong) == faults


def test_bad_lines_of_an_older_write_or_of_a_stranger_are_wrong() -> None:
    older, newer, stranger = with_bad_lines(), write(number=2), write("t/stranger.ndjson")
    for one in (older, stranger):
        verdict = judge_rows(expected(newer), [found(newer)], [SetAside(one.uri, one.version, (2, 4))])
        assert (verdict.lost, verdict.wrong) == (0, 2)


def test_write_of_nothing_but_bad_lines_is_a_choice_of_its_own() -> None:
    bad, good = replace(with_bad_lines(), rows=0), write(number=2)
    either = Expected()
    either.one_of(bad.key, [bad, good])

    assert judge_rows(either, [], [SetAside(bad.uri, bad.version, (2, 4))]).is_clean
    assert judge_rows(either, [found(good)], []).is_clean
    assert judge_rows(either, [found(good)], [SetAside(bad.uri, bad.version, (2, 4))]).wrong == 2


@pytest.mark.parametrize(("rejected_rows", "is_clean"), [(2, True), (0, False), (3, False)])
def test_ledger_that_counts_other_bad_rows_is_seen(rejected_rows: int, is_clean: bool) -> None:
    a = with_bad_lines()
    recorded = {(a.uri, a.version): Recorded("committed", 5, None, rejected_rows)}

    assert judge_ledger(expected(a), recorded, {(a.uri, a.version)}).is_clean is is_clean


def test_bad_lines_of_a_body_are_those_that_are_said_to_be() -> None:
    made = body_of("k", 1, 5, bad=BAD_LINES, foreign_times=2)
    lines = made.content.decode().splitlines()

    said = [lines[number - 1] for number in sorted(made.bad_lines - made.foreign_times)]
    assert sorted(said) == sorted(line.replace("%s", "k#1") for line in BAD_LINES)
    assert all(FOREIGN_TIME in lines[number - 1] for number in made.foreign_times)
    assert (made.rows, len(made.foreign_times), len(lines)) == (3, 2, 9)


def test_either_version_of_a_write_will_do_but_not_both_and_not_none() -> None:
    a = write()
    either = Expected()
    either.either(a.key, [a, a.as_listed()])
    in_ledger = Recorded("committed", a.rows, None)

    for one in (a, a.as_listed()):
        assert judge_rows(either, [found(one)]).is_clean
        assert either.is_known({(one.uri, one.version)})
        assert judge_ledger(either, {(one.uri, one.version): in_ledger}, {(one.uri, one.version)}).is_clean
    assert judge_rows(either, [found(a), found(a.as_listed())]).wrong == a.rows
    assert judge_rows(either, []).lost == a.rows
    assert not either.is_known(set())
    assert not judge_ledger(either, {}, {(a.uri, a.version)}).is_clean


def test_all_writes_of_other_keys_must_be_known() -> None:
    a, b = write(), write(number=2)
    either = Expected()
    either.one_of(a.key, [a, b])

    assert either.is_known({(a.uri, a.version), (b.uri, b.version)})
    assert not either.is_known({(a.uri, a.version)})
