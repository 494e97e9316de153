"""Each guard of exactly-once protects against a crash or a race, and a test fails without it.

A guard is taken out of a copy of the project, and its test is run there: it must fail. docs/exactly-once.md
explains the guards. `make guards` runs this file, which takes some minutes; `make test` does not.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingest_project_tests.guard import Guard
from ingest_project_tests.message_guards import MESSAGE_GUARDS

TOP = Path(__file__).parents[1]


GUARDS = (
    Guard(
        "after receive: a message goes only when all that it names is settled",
        "ingestion/test_acknowledge.py::test_only_messages_of_settled_objects_are_deleted",
        "ledger/open_messages.py",
        {
            "return _select(connection, queue, ~unsettled, limit=limit)": (
                "return _select(connection, queue, limit=limit)"
            )
        },
    ),
    Guard(
        "after claim, before the run request: every tick asks for runs of all open batches",
        "defs/test_sensors.py::test_batch_that_a_tick_planned_before_it_died_gets_its_run_from_the_next",
        "defs/sensors.py",
        {
            "batches = services.ledger.open_batches(queue)": (
                "batches = [one for one in services.ledger.open_batches(queue) "
                "if one.planned_at > datetime.now(UTC)]"
            )
        },
    ),
    Guard(
        "run queued: asking twice for a run launches one, as both have the batch's run key",
        "defs/test_sensors.py::test_run_that_was_not_launched_is_asked_for_again_under_the_same_key",
        "ledger/model.py",
        {'return f"{self.batch_id}:{self.attempt}"': "import uuid; return uuid.uuid4().hex"},
    ),
    Guard(
        "after fetch: a run without a sign of life is taken for dead",
        "defs/test_outbox.py::test_started_run_whose_lease_ran_out_is_dead",
        "defs/outbox.py",
        {"return not batch.is_leased(now, lease)": "return False"},
    ),
    Guard(
        "shared files: a batch is written again if rows of an object that fails are in a file with others",
        "ingestion/test_shared_files.py::test_a_large_object_that_fails_half_way_leaves_the_others_complete",
        "ingestion/write.py",
        {"elif part.has_rows and isinstance(": "elif False and isinstance("},
    ),
    Guard(
        "shared files: what was written before a batch is written again is deleted",
        "ingestion/test_shared_files.py::test_a_large_object_with_too_many_bad_rows_takes_its_bad_rows_with_it",
        "ingestion/write.py",
        {
            "self._discard_all()\n                self._files = None": "self._files = None",
        },
    ),
    Guard(
        "shared files: the rows in files are counted against those that were read",
        "iceberg/test_open_data_files.py::test_rows_that_a_file_lost_are_missed",
        "iceberg/data_files.py",
        {
            "if (rows := sum(one.record_count for one in files)) != self._rows:": (
                "if (rows := sum(one.record_count for one in files)) < 0:"
            )
        },
    ),
    Guard(
        "after data files, before the commit: a run that ended without settling its batch gets a successor",
        "defs/test_sensors.py::test_batch_whose_run_ended_without_settling_it_gets_another_under_a_key_of_its_own",
        "defs/sensors.py",
        {"if decision.need is Need.ATTEMPT:": "if decision is None:"},
    ),
    Guard(
        "order: what the ledger knew is superseded only by a write that S3 has shown as what its key holds",
        "ingestion/test_write_order.py::test_a_false_claim_about_an_old_version_does_not_bring_it_back",
        "ingestion/write_order.py",
        {"if member.object_id in self.current:": "if member.object_id:"},
    ),
    Guard(
        "order: what came after a run began is not superseded by it",
        "ledger/test_plan.py::test_with_replace_what_came_after_the_run_began_is_not_superseded_by_it",
        "ledger/settle.py",
        {
            "object_versions.c.object_id.in_(chunk),": (
                "object_versions.c.key_id.in_(sa.select(object_versions.c.key_id)"
                ".where(object_versions.c.batch_id == batch_id)),"
            ),
            "for reason in sorted(set(reasons.values())):": "for reason in {'older'}:",
            "for chunk in chunks(object_id for object_id, one in reasons.items() if one == reason):": (
                "for chunk in ['all']:"
            ),
        },
    ),
    Guard(
        "order: an outdated version is not read, whatever its message claims",
        "ingestion/test_write_order.py::test_an_older_version_that_comes_late_is_not_ingested",
        "ingestion/write_order.py",
        {
            "return own.last_modified > other.last_modified": "return True",
            "own.last_modified == other.last_modified": "False",
        },
    ),
    Guard(
        "after the commit, before settling: the batch is looked for in the table",
        "ingestion/test_crashes.py::test_crash_after_the_commit_is_finished_from_what_the_table_says",
        "iceberg/batch_snapshot.py",
        {"if batch_id_of(one) == batch_id": "if batch_id_of(one) is batch_id is None"},
    ),
    Guard(
        "after the commit, before settling, and the snapshot was expired: the batch's rows are looked for",
        "ingestion/test_foreign_maintenance.py",
        "iceberg/commit.py",
        {"if committed else None": "if committed is None else None"},
    ),
    Guard(
        "after settling, before the deletion: each tick deletes what a run left",
        "defs/test_sensors.py::test_messages_that_a_run_settled_and_did_not_delete_go_with_the_next_tick",
        "defs/sensors.py",
        {
            "done = services.acknowledge(queue)": (
                "from types import SimpleNamespace; done = SimpleNamespace(deleted=0)"
            )
        },
    ),
    Guard(
        "after a part of the deletions: only what SQS deleted is recorded as deleted",
        "ingestion/test_acknowledge.py::test_refused_receipt_handle_holds_no_other_message_back_and_the_next_delivery_settles_it",
        "ingestion/acknowledge.py",
        {
            "queue.name, results.succeeded, refused": (
                "queue.name, [one.message_id for one in messages], refused"
            )
        },
    ),
    Guard(
        "frozen before it asks the ledger: a run that was replaced is refused there",
        "ingestion/test_zombies.py::test_run_frozen_before_it_asks_the_ledger_is_refused_by_the_ledger",
        "ledger/attempts.py",
        {
            "_lock_own_batch(connection, batch_id, run_id)\n    owned": (
                "lock_batch(connection, batch_id)\n    owned"
            )
        },
    ),
    Guard(
        "overtaken by a rebuild before it asks the ledger: it brings no objects that the rebuild took",
        "ingestion/test_rebuild_races.py::test_rebuild_takes_objects_from_a_run_that_has_not_asked_the_ledger_yet",
        "ledger/attempts.py",
        {"if not owned.issuperset(object_ids):": "if False:"},
    ),
    Guard(
        "frozen after it asked the ledger: its replacement moves the table's head even without rows",
        "ingestion/test_zombies.py::test_replacement_that_finds_nothing_to_commit_leaves_a_mark_that_refuses_the_zombie",
        "ingestion/process.py",
        {"return work.batch.starts > 1 or": "return work.batch.starts > 9 or"},
    ),
    Guard(
        "two runs of a batch, both confirmed: each looks again before it commits",
        "iceberg/test_commit.py::test_the_same_batch_committed_twice_is_one_snapshot_and_leaves_no_second_files",
        "iceberg/commit.py",
        {
            "            if (snapshot := find_snapshot(table.metadata, changeset.batch_id)) is not None:\n"
            "                return _found(table, snapshot, changeset, tried)\n"
            "            if (expired": "            if (expired"
        },
    ),
    Guard(
        "delivered twice: a version that the ledger knows is not claimed again",
        "ledger/test_claim.py::test_a_redelivery_leaves_a_planned_version_with_its_batch",
        "ledger/claim.py",
        {
            (
                "insert_ignoring(connection, object_versions, "
                "[row for key, row in rows.items() if key not in known])"
            ): (
                "connection.execute(insert(connection, object_versions).prefix_with('OR REPLACE'), "
                "list(rows.values()))"
            ),
        },
    ),
    Guard(
        "overwritten between event and read: a read is pinned to its version",
        "ingestion/test_overwrites.py::test_object_overwritten_before_it_was_read_gives_way_to_the_newer_event",
        "sources/s3/store.py",
        {'options["if_match"] = f\'"{expected}"\'': "pass"},
    ),
    Guard(
        "rebuilt while a run commits: a rebuild leaves the keys of a confirmed batch to it",
        "ingestion/test_rebuild_races.py::test_rebuild_leaves_objects_to_a_run_that_has_asked_the_ledger",
        "ledger/rebuild.py",
        {"keys_being_rebuilt(table).union(keys_being_committed(table))": "keys_being_rebuilt(table)"},
    ),
    Guard(
        "failed while S3 was listed: a rebuild settles only failures claimed before its listing began",
        "ledger/test_gone.py::test_failure_claimed_since_the_listing_began_stays",
        "ledger/rebuild_of_key.py",
        {
            " and one.partition_key == partition_key and one.claimed_at < listed_at": (
                " and one.partition_key == partition_key"
            )
        },
    ),
    Guard(
        "put back while its partition is rebuilt: what is tried again is not settled as gone",
        "ledger/test_gone.py::test_what_is_put_back_before_the_rebuild_is_settled_is_tried_again",
        "ledger/failed_objects.py",
        {
            (
                "            batch_objects.c.role == BatchRole.GONE,\n"
                "            object_versions.c.state.in_(UNREAD),"
            ): ("            batch_objects.c.role == BatchRole.GONE,"),
            ".where(object_versions.c.object_id.in_(chunk), object_versions.c.state.in_(UNREAD))": (
                ".where(object_versions.c.object_id.in_(chunk))"
            ),
        },
    ),
    Guard(
        "works longer than the visibility timeout: the run extends it",
        "ingestion/test_lease.py::test_messages_stay_invisible_over_many_timeouts_while_the_lease_is_held",
        "ingestion/lease.py",
        {"self._extending.start()": "pass", "self._extending.join(LAST_EXTENSION_SECONDS)": "pass"},
    ),
    Guard(
        "first attempt wakes between the second one's commits: its good rows are refused, the head has moved",
        "ingestion/test_quarantine_crashes.py::test_first_attempt_that_wakes_between_the_second_ones_commits_is_refused",
        "ingestion/commit_bad_rows.py",
        {"if is_retry and (earlier :=": "if not work and (earlier :="},
    ),
    Guard(
        "dies between the two commits: the next attempt takes out what this one set aside",
        "ingestion/test_quarantine.py::test_crash_between_the_two_commits_leaves_each_row_once",
        "ingestion/commit_bad_rows.py",
        {"return _own_rows(work) if is_retry else Replacement()": "return Replacement()"},
    ),
    Guard(
        "frozen before it sets rows aside: a run that was replaced is refused by the ledger",
        "ingestion/test_quarantine_crashes.py::test_run_frozen_before_it_sets_rows_aside_is_refused_by_the_ledger",
        "ingestion/commit_bad_rows.py",
        {"        confirm()\n        return _own_rows(work)": "        return _own_rows(work)"},
    ),
    Guard(
        "frozen while it sets rows aside: its replacement moves the quarantine's head even without bad rows",
        "ingestion/test_quarantine_crashes.py::test_run_frozen_at_its_bad_rows_adds_none_if_its_replacement_found_none",
        "ingestion/commit_bad_rows.py",
        {"even_if_empty=is_retry": "even_if_empty=False"},
    ),
    Guard(
        "dies between the two commits, and the newer write is gone: older bad rows go after the commit",
        "ingestion/test_quarantine_crashes.py::test_older_bad_rows_stay_if_the_newer_write_turns_out_to_be_unreadable_after_a_crash",
        "ingestion/commit_bad_rows.py",
        {
            "        confirm()\n        return _own_rows(work) if is_retry else Replacement()": (
                "        return replace(confirm(), writes=_own_rows(work).writes)"
            )
        },
    ),
    Guard(
        "dies before replaced bad rows are taken out: the next attempt does it",
        "ingestion/test_quarantine_crashes.py::test_crash_before_the_replaced_bad_rows_are_taken_out_is_finished_by_the_next_attempt",
        "ingestion/process.py",
        {"= take_out_replaced(work, writer, ": "= 0 if earlier else take_out_replaced(work, writer, "},
    ),
    Guard(
        "frozen before it takes replaced bad rows out: the ledger refuses what later batches have overtaken",
        "ingestion/test_quarantine_crashes.py::test_run_frozen_before_it_takes_replaced_rows_out_leaves_those_of_a_later_batch_alone",
        "ledger/attempts.py",
        {
            "_lock_own_batch(connection, batch_id, run_id)\n    return rows_to_replace": (
                "lock_batch(connection, batch_id)\n    return rows_to_replace"
            )
        },
    ),
    Guard(
        "rebuilt with bad rows: those that it has just set aside stay when the older ones go",
        "ingestion/test_quarantine.py::test_rebuild_of_the_partition_leaves_each_bad_row_once",
        "ingestion/commit_bad_rows.py",
        {"return replace(replaced(), except_batch=work.batch.batch_id)": "return replace(replaced())"},
    ),
    Guard(
        "found committed with nothing but bad rows of an object: the quarantine tells that it was",
        "ingestion/test_quarantine_crashes.py::test_object_that_only_the_second_attempt_could_read_is_settled_by_the_third",
        "ingestion/process.py",
        {"rows=dict.fromkeys(rejected_rows, 0) | rows": "rows=rows"},
    ),
    Guard(
        "replayed under append: a replay takes out only the rows of the writes that it reads again",
        "ingestion/test_quarantine_crashes.py::test_replay_of_one_of_two_writes_in_one_batch_leaves_the_other_alone",
        "ledger/replaced_rows.py",
        {
            "return RowsToReplace(frozenset(), frozenset(), writes)": (
                "return RowsToReplace(frozenset(uri for uri, _, _ in writes), "
                "frozenset(batch for _, _, batch in writes))"
            )
        },
    ),
    Guard(
        "lost ledger: what a batch set aside that never committed is not taken for its rows",
        "ingestion/recover_ledger/test_recover.py::test_rows_in_quarantine_of_a_batch_that_was_never_committed_come_again_with_its_event",
        "ingestion/recover_ledger/recover.py",
        {"rejected.filter(is_known)": "rejected"},
    ),
    Guard(
        "lost ledger, and its events again: what such a batch set aside is taken out",
        "ingestion/recover_ledger/test_recover.py::test_rows_in_quarantine_of_a_batch_that_was_never_committed_come_again_with_its_event",
        "ingestion/recover_ledger/recover.py",
        {"if not dry_run and not result.moved:": "if False:"},
    ),
    Guard(
        "lost answer and expired history: a commit of bad rows is not sent again on a guess",
        "iceberg/test_expired_snapshots.py::test_lost_answer_whose_history_was_expired_meanwhile_is_not_guessed",
        "iceberg/commit.py",
        {"            self._refuse_to_guess(table, changeset, doubtful)\n": ""},
    ),
    Guard(
        "expiry: what is younger than the oldest unsettled batch stays",
        "ingestion/test_expire.py::test_snapshot_of_an_open_batch_stays_and_the_next_attempt_finds_it",
        "ingestion/expire.py",
        {"return min(planned, default=None)": "return None"},
    ),
    Guard(
        "expiry: a file that a kept manifest names stays",
        "iceberg/expiry/test_expire.py::test_files_that_a_later_manifest_names_stay",
        "iceberg/expiry/reach.py",
        {"        search.take_out_what_is_kept()\n": ""},
    ),
    Guard(
        "expiry: a manifest goes after all that it names, so that a death leaves nothing that is not found",
        "iceberg/expiry/test_expire.py::test_after_a_death_at_any_step_the_next_call_reaches_the_same_end",
        "iceberg/expiry/expire.py",
        {"for kind in Kind:": "for kind in reversed(Kind):"},
    ),
    Guard(
        "expiry: a snapshot to which a branch was moved meanwhile stays",
        "iceberg/expiry/test_expire.py::test_snapshot_that_main_is_rolled_back_to_meanwhile_stays",
        "iceberg/expiry/expire.py",
        {"commit_once(table, updates, unchanged)": "commit_once(table, updates)"},
    ),
    *MESSAGE_GUARDS,
)


IDS = [guard.fault.partition(":")[0].replace(" ", "_") for guard in GUARDS]


def without(guard: Guard, folder: Path) -> str:
    """The source of the guard's file with the guard taken out of it."""
    source = (folder / "ingest_project" / guard.file).read_text()
    for held, removed in guard.removed.items():
        assert source.count(held) == 1, f"the guard is no longer in {guard.file}: {held}"
        source = source.replace(held, removed)
    return source


@pytest.mark.parametrize("guard", GUARDS, ids=IDS)
def test_a_test_fails_without_the_guard(guard: Guard, tmp_path: Path) -> None:
    for folder in ("ingest_project", "ingest_project_tests"):
        shutil.copytree(TOP / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOP / "pyproject.toml", tmp_path)
    (tmp_path / "ingest_project" / guard.file).write_text(without(guard, tmp_path))

    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "--numprocesses=0",
            "-p",
            "no:cacheprovider",
            guard.test,
        ],
        cwd=tmp_path / "ingest_project_tests",
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ended.returncode == 1, ended.stdout[-3000:]  # 1: a test ran and failed
    assert "failed" in ended.stdout
