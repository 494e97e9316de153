"""The judge of what Dagster says tells the truth from each way of not telling it."""

from dataclasses import replace

import pytest

from ingest_project_tests.fault_trials.run_oracle import SettledBatch, judge_told, runs_without_alert
from ingest_project_tests.fault_trials.told import Materialized, Told, ToldRun

CHECKS = (("bad_rows", True), ("schema_drift", True))
RUN = ToldRun("r1", "landing_ingest", "SUCCESS", "b1", checks=CHECKS)
DIED = replace(RUN, status="FAILURE", was_failed=True, reason="its process died", checks=())
BATCH = SettledBatch("b1", "r1", frozenset({"2026-11-20"}), rows=10)
EVENT = Materialized("2026-11-20", "r1", None)
TRUE = Told((RUN,), (EVENT,))


def test_truth_is_believed() -> None:
    assert judge_told(TRUE, [BATCH]) == []


@pytest.mark.parametrize("settled", [[], [BATCH]])
def test_killed_run_is_a_failure_with_a_reason_and_an_alert(settled: list[SettledBatch]) -> None:
    assert judge_told(Told((DIED,), (EVENT,), ("r1",)), settled) == []
    assert judge_told(Told((replace(DIED, reason=" "),), (EVENT,), ("r1",)), settled)
    assert judge_told(Told((DIED,), (EVENT,)), settled)


def test_run_that_settled_its_batch_and_failed_by_itself_is_untrue() -> None:
    failed = replace(DIED, failed_in_step=True, reason="the metadata is refused")

    assert judge_told(Told((failed,), (EVENT,), ("r1",)), [BATCH])
    assert judge_told(Told((failed,), (), ("r1",)), []) == []


def test_rebuild_that_could_not_read_everything_may_fail() -> None:
    failed = replace(DIED, job="__ASSET_JOB", failed_in_step=True, reason="an object is gone")
    told = Told((failed,), (EVENT,), ("r1",))

    assert judge_told(told, [replace(BATCH, failed_objects=1)]) == []
    assert judge_told(told, [BATCH])


def test_run_that_never_ends_is_untrue() -> None:
    working = replace(RUN, status="STARTED")
    typed = replace(working, is_launched=False)

    assert judge_told(replace(TRUE, runs=(working,)), [BATCH])
    assert judge_told(replace(TRUE, runs=(typed,)), [BATCH])
    assert judge_told(Told((typed,)), []) == []


def test_errors_in_the_log_of_a_good_run_are_untrue() -> None:
    assert judge_told(replace(TRUE, runs=(replace(RUN, errors=("40: no",)),)), [BATCH])


@pytest.mark.parametrize(
    "event",
    [replace(EVENT, partition="2026-11-21"), replace(EVENT, run_id="r2"), replace(EVENT, batch_id="b2")],
)
def test_partition_without_a_materialization_of_its_batch_is_untrue(event: Materialized) -> None:
    assert judge_told(replace(TRUE, materialized=(event,)), [BATCH])


def test_materialization_without_a_run_counts_for_its_batch() -> None:
    assert judge_told(replace(TRUE, materialized=(Materialized("2026-11-20", "", "b1"),)), [BATCH]) == []


@pytest.mark.parametrize("checks", [(), CHECKS[:1], (("bad_rows", False), CHECKS[1])])
def test_checks_that_are_missing_or_do_not_say_what_the_rows_say_are_untrue(
    checks: tuple[tuple[str, bool], ...],
) -> None:
    assert judge_told(replace(TRUE, runs=(replace(RUN, checks=checks),)), [BATCH])


def test_check_that_the_table_does_not_have_is_not_missed() -> None:
    told = replace(TRUE, runs=(replace(RUN, checks=CHECKS[1:]),))

    assert judge_told(told, [BATCH], frozenset({"schema_drift"})) == []
    assert judge_told(told, [BATCH])


def test_check_of_bad_rows_fails_with_them() -> None:
    bad = replace(BATCH, rejected_rows=1)

    assert judge_told(TRUE, [bad])
    assert (
        judge_told(replace(TRUE, runs=(replace(RUN, checks=(("bad_rows", False), CHECKS[1])),)), [bad]) == []
    )


def test_check_of_bad_rows_may_fail_for_those_of_an_earlier_batch() -> None:
    earlier = replace(BATCH, batch_id="b0", run_id="r0", partitions=frozenset(), rejected_rows=3)
    failing = replace(RUN, checks=(("bad_rows", False), CHECKS[1]))

    assert judge_told(replace(TRUE, runs=(failing,)), [earlier, BATCH]) == []


def test_alert_for_a_run_that_did_not_fail_is_untrue() -> None:
    assert judge_told(replace(TRUE, alerted=("r1",)), [BATCH])
    assert judge_told(replace(TRUE, alerted=("of another table",)), [BATCH]) == []


def test_failed_run_that_a_person_typed_needs_no_alert() -> None:
    assert judge_told(Told((replace(DIED, is_launched=False),), (EVENT,)), [BATCH]) == []


def test_run_that_was_declared_failed_and_then_ended_well_still_needs_its_alert() -> None:
    woke_up = replace(RUN, was_failed=True)

    assert runs_without_alert(Told((woke_up,), ())) == [woke_up]
    assert runs_without_alert(Told((woke_up,), (), alerted=(woke_up.run_id,))) == []
