"""The guards of messages that are rows, of redrives, reconciliations, and what `after` does to objects."""

from ingest_project_tests.guard import Guard

DEAD_LETTERS = "ingestion/dead_letters/dead_letter_queue.py"
SOURCE_OBJECTS = "sources/s3/source_objects.py"

MESSAGE_GUARDS = (
    Guard(
        "damaged on the way: a message that is not what SQS says is not ingested",
        "ingestion/test_raw_messages.py::test_message_that_is_not_what_sqs_says_is_not_ingested_until_it_is",
        "sources/messages/raw_messages.py",
        {"if reasons := tuple(md5_faults(message)):": "if reasons := ():"},
    ),
    Guard(
        "named by another: only the same body is the same message",
        "ingestion/test_raw_messages.py::test_message_that_names_the_id_of_another_does_not_take_its_place",
        "sources/messages/raw_messages.py",
        {"etag=md5_of_body(message.body),": 'etag="any",'},
    ),
    Guard(
        "claimed, and not read yet: a message's content is kept with its claim",
        "ingestion/test_raw_messages.py::test_content_is_kept_until_the_commit_and_no_longer",
        "ledger/claim.py",
        {"_contents(claims, named) if one in unread}": "_contents(claims, named) if one not in unread}"},
    ),
    Guard(
        "settled, but failed: its content is kept, because only what is committed is dropped",
        "ledger/test_message_contents.py::test_content_of_a_message_that_failed_stays_for_a_retry",
        "ledger/message_contents.py",
        {"        object_versions.c.state == ObjectState.COMMITTED,\n": ""},
    ),
    Guard(
        "redrive dies before SQS has the message: what is moved is deleted only afterwards",
        "ingestion/dead_letters/test_raw_messages.py::test_crash_between_send_and_delete_makes_one_row",
        DEAD_LETTERS,
        {"self._delete(ingested, held)": "self._delete(chosen, held)"},
    ),
    Guard(
        "SQS does not take what is redriven: it stays in the DLQ",
        "ingestion/dead_letters/test_events.py::test_outage_after_a_part_is_told_with_what_was_done",
        DEAD_LETTERS,
        {
            "self._delete([one for one in letters if one.message_id in sent], held)": (
                "self._delete(letters, held)"
            )
        },
    ),
    Guard(
        "redrive dies after it has sent: what is ingested meanwhile is deleted and not sent again",
        "ingestion/dead_letters/test_events.py::test_crash_and_ingest_in_between_deletes_the_second",
        DEAD_LETTERS,
        {
            "ingested = [one for one in chosen if one.is_ingested]": "ingested = [*chosen][:0]",
            "[one for one in chosen if not one.is_ingested]": "chosen",
        },
    ),
    Guard(
        "ingested in part: a message is deleted from the DLQ only if all that it names is settled",
        "ingestion/dead_letters/test_events.py::test_message_with_one_object_that_is_not_ingested_is_moved",
        "ledger/dead_letters.py",
        {"and all(one in objects": "and any(one in objects"},
    ),
    Guard(
        "redriven under a new id: the first id travels with the message",
        "ingestion/dead_letters/test_raw_messages.py::test_moved_message_is_the_row_of_its_first_id",
        "ingestion/dead_letters/moved_entry.py",
        {"_entry(letter, own | told, limits)": "_entry(letter, own, limits)"},
    ),
    Guard(
        "announced while S3 was listed: what a listing claims is looked up again",
        "ingestion/reconcile/test_reconcile.py"
        "::test_event_that_comes_between_the_listing_and_the_claim_is_not_doubled",
        "ledger/reconcile.py",
        {
            "exclusively(connection, queue)\n    found = standings(connection, policy, listed)": (
                "exclusively(connection, queue)\n    found = [Standing.MISSING] * len(listed)"
            )
        },
    ),
    Guard(
        "ledger lost: nothing is enqueued while the table has rows that the ledger does not know",
        "ingestion/reconcile/test_reconcile.py"
        "::test_nothing_is_enqueued_while_the_ledger_lacks_what_is_in_the_table",
        "ingestion/reconcile/reconcile.py",
        {"wanted.enqueue and not tally.found[Finding.UNKNOWN]": "wanted.enqueue"},
    ),
    Guard(
        "settled, and its message is not deleted: nothing is done to the object yet",
        "ingestion/test_after_processing.py::test_ingested_object_is_deleted_after_its_message",
        "ledger/source_actions.py",
        {"            ~_is_named_by_a_message(now),\n": ""},
    ),
    Guard(
        "written again, and not read yet: nothing is done to the object",
        "ingestion/test_after_processing.py"
        "::test_same_content_that_was_written_again_is_read_before_it_is_deleted",
        "ledger/source_actions.py",
        {"            ~another_waits.correlate(object_versions).exists(),\n": ""},
    ),
    Guard(
        "written again unseen: what is done to an object is bound to the write that was read",
        "ingestion/test_after_processing.py::test_object_that_was_written_again_stays",
        SOURCE_OBJECTS,
        {"if not is_same:": "if False:"},
    ),
    Guard(
        "written again while it is deleted: S3 is told which write is meant",
        "sources/s3/test_source_objects.py"
        "::test_deletion_names_the_write_to_s3_which_may_change_after_it_was_looked_at",
        SOURCE_OBJECTS,
        {'{"IfMatch": f\'"{item.etag}"\'}': "{}"},
    ),
    Guard(
        "copied, and not deleted: the copy that is there is not made again",
        "sources/s3/test_source_objects.py"
        "::test_move_that_died_before_it_deleted_is_finished_without_another_copy",
        SOURCE_OBJECTS,
        {"if found := [place for place in places if marks[place] == object_id]:": "if found := []:"},
    ),
    Guard(
        "a row in quarantine: its object stays",
        "ingestion/test_after_processing.py::test_object_with_bad_rows_stays_unless_asked",
        "ledger/source_actions.py",
        {"sa.true() if rule.with_bad_rows else sa.func": "sa.true() if rule else sa.func"},
    ),
)
