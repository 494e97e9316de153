"""`ingest history` and `ingest ledger` on a landing zone in the emulator: output and exit codes."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from ingest_project.cli.answers import duration, time
from ingest_project.cli.ledger import STATES
from ingest_project.ledger.model import ObjectState
from ingest_project_tests.cli.commands import answer, one_good_and_one_bad, run
from ingest_project_tests.factories import Zone, order_key


def test_history_of_everything_is_a_line_for_each_object(zone: Zone) -> None:
    one_good_and_one_bad(zone)

    done = run(zone, "history")

    assert done.exit_code == 0
    (good,) = [line for line in done.stdout.splitlines() if "good.ndjson" in line]
    assert {"sales.orders", "2026-11-20", "committed", "2"} <= set(good.split())
    (bad,) = [line for line in done.stdout.splitlines() if "bad.ndjson" in line]
    assert "failed" in bad
    assert "unreadable: " in bad


def test_history_of_one_object_shows_its_messages_and_attempts(zone: Zone) -> None:
    one_good_and_one_bad(zone)

    done = run(zone, "history", "--key", order_key("good"))
    (record,) = answer(zone, "history", "--key", "*good*")["objects"]

    (message,), (batch,) = record["messages"], record["batches"]
    assert message["state"] == "deleted"
    assert (batch["rows"], batch["attempts"][0]["outcome"]) == (2, "committed")
    assert record["deleted_at"] == message["deleted_at"]
    for shown in (message["message_id"], batch["batch_id"], batch["attempts"][0]["run_id"], "2 rows"):
        assert shown in done.stdout
    assert batch["attempts"][0]["error"] is None
    assert "JSON" not in done.stdout


def test_history_says_that_bad_rows_are_in_quarantine_as_long_as_they_are(zone: Zone) -> None:
    zone.put(order_key("a"), b'{"order_id": "one"}\n')
    zone.ingest_one()
    assert "1, in quarantine" in run(zone, "history").stdout
    zone.put_orders("a", 2)
    zone.ingest_one()

    shown = run(zone, "history", "-v").stdout

    assert zone.quarantined().is_empty()
    assert "in quarantine" not in shown
    assert "1 rejected" in shown


def test_history_shows_the_reason_of_a_failed_or_superseded_object_once(
    zone: Zone,
) -> None:
    one_good_and_one_bad(zone)
    before = run(zone, "history", "--key", order_key("bad")).stdout
    zone.put_orders("bad", 3)
    zone.ingest_one()

    after = run(zone, "history", "-v", "--key", order_key("bad")).stdout

    assert before.count("not valid JSON") == " ".join(after.split()).count("not valid JSON") == 1


def test_history_selects(zone: Zone) -> None:
    one_good_and_one_bad(zone)

    def uris(*arguments: str) -> list[str]:
        return sorted(one["uri"][-10:-7] for one in answer(zone, "history", *arguments)["objects"])

    assert uris() == ["bad", "ood"]
    assert uris("--state", "failed") == uris("--error-class", "unreadable") == ["bad"]
    assert uris("--since", "1h", "--state", "committed") == ["ood"]
    assert uris("--since", "2100-01-01") == uris("web.clicks") == []
    assert len(uris("--limit", "1")) == 1


def test_a_key_cannot_command_the_terminal_of_who_asks_for_its_history(zone: Zone) -> None:
    key = order_key("\x1b[2J[bold]\u202ex")
    zone.silence()
    zone.announce(key, zone.put(key, b"{broken"))
    zone.ingest_one()

    single, listed = run(zone, "history"), run(zone, "history", "--verbose")

    for done in (single, listed):
        assert "\x1b" not in done.stdout
        assert "\\x1b[2J[bold]\\u202ex" in done.stdout.replace("\n", "")


def test_history_of_what_the_ledger_does_not_know_says_so(zone: Zone) -> None:
    done = run(zone, "history", "--key", "nothing")

    assert (done.exit_code, done.stdout) == (0, "No object version matches --key nothing.\n")


def test_history_without_a_filter_says_that_the_ledger_is_empty(zone: Zone) -> None:
    assert run(zone, "history").stdout == "The ledger is empty: nothing was received yet.\n"


@pytest.mark.parametrize(
    "arguments",
    [("history", "sales.nope"), ("retry", "--table", "sales.nope"), ("dismiss", "--table", "sales.nope")],
)
def test_unknown_table_is_reported(zone: Zone, arguments: tuple[str, ...]) -> None:
    done = run(zone, *arguments)

    assert done.exit_code == (0 if arguments[0] == "history" else 1)
    assert done.stderr == "ingest.yaml has no table 'sales.nope': it has sales.orders\n"


@pytest.mark.parametrize(
    ("name", "remedy"), [("unreadible", "did you mean unreadable?"), ("x", "known are missing, forbidden")]
)
def test_class_of_errors_that_does_not_exist_is_refused(zone: Zone, name: str, remedy: str) -> None:
    for command in ("history", "retry", "dismiss"):
        done = run(zone, command, "--error-class", name)
        assert done.exit_code == 2
        assert remedy in " ".join(done.stderr.split())


def test_rejected_messages_are_listed(zone: Zone) -> None:
    assert run(zone, "history", "--rejected").stdout == "No message was rejected.\n"
    zone.send("no event")
    zone.drain()

    assert "not an S3 event" in run(zone, "history", "--rejected").stdout
    assert answer(zone, "history", "--rejected")["messages"][0]["receive_count"] == 1
    assert run(zone, "history", "--rejected", "--state", "failed").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("history", "--since", "yesterday"),
        ("history", "--since", "999999w"),
        ("history", "--state", "lost"),
        ("history", "--key", "\udcff"),
        ("retry",),
        ("retry", "--object", "orders/a"),
        ("dismiss",),
        ("dismiss", "--object", "orders/a"),
        ("ledger", "prune"),
        ("ledger", "prune", "--older-than", "13d"),
        ("ledger", "prune", "--older-than", "soon"),
        ("ledger", "recover", "--table", "sales.unknown"),
    ],
)
def test_wrong_usage_exits_with_2(zone: Zone, arguments: tuple[str, ...]) -> None:
    done = run(zone, *arguments)

    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("Error: ")


def test_times_are_iso_in_utc_or_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    assert time("2026-11-20") == datetime(2026, 11, 20, tzinfo=UTC)
    assert time("2026-11-20T14:00+02:00") == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert timedelta(hours=47) < datetime.now(UTC) - time("2d") < timedelta(hours=49)
    assert duration("2w") == timedelta(days=14)
    with pytest.raises(click.BadParameter):
        duration("-3d")


def test_the_states_are_those_of_the_ledger() -> None:
    assert set(STATES) == set(ObjectState)


def test_history_says_which_rebuild_did_not_find_the_object(zone: Zone) -> None:
    zone.announce(order_key("never"), "0" * 32)
    zone.ingest_one()
    zone.rebuild()

    shown = run(zone, "history", "--key", order_key("never")).stdout

    assert "missing: S3 did not list the object for the rebuild" in shown
    assert "not in S3" in shown


def test_a_lost_ledger_is_recovered(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.ingest_one()
    zone.ledger.close()
    for path in zone.landing.folder.glob("ledger.db*"):
        path.unlink()

    dry = run(zone, "ledger", "recover", "--dry-run")
    real = answer(zone, "ledger", "recover", "--table", "sales.orders")

    assert dry.exit_code == 0
    assert "A dry run: nothing was written." in dry.stdout
    (table,) = real["tables"]
    assert (table["objects"], table["rows"], table["recovered"]["new"]) == (1, 2, 1)
    assert zone.restarted().states() == {order_key("a"): ObjectState.COMMITTED}


def test_a_ledger_with_doubled_rows_exits_with_1_and_names_the_remedy(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.redeliver()
    zone.ledger.close()
    for path in zone.landing.folder.glob("ledger.db*"):
        path.unlink()
    zone.restarted().ingest_one()

    done = run(zone, "ledger", "recover")

    assert done.exit_code == 1
    assert "materialize their partitions" in done.stdout


def test_the_former_name_of_recover_does_the_same_and_says_so(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    former = run(zone, "ledger", "rebuild", "--dry-run", "--table", "sales.orders")

    assert (former.exit_code, former.stdout) == (0, run(zone, "ledger", "recover", "--dry-run").stdout)
    assert former.stderr == "`ingest ledger rebuild` is called `ingest ledger recover` now\n"
    assert "rebuild" not in run(zone, "ledger", "--help").stdout


def test_pruning_says_what_it_forgot(zone: Zone) -> None:
    done = run(zone, "ledger", "prune", "--older-than", "30d", "--dry-run")

    assert done.stdout == (
        "Would delete 0 messages, 0 batches, 0 object versions, 0 contents of messages and 0 jobs.\n"
    )
    assert answer(zone, "ledger", "prune", "--older-than", "30d") == {
        "dry_run": False, "messages": 0, "batches": 0, "object_versions": 0, "message_contents": 0, "jobs": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("history",),
        ("history", "--rejected"),
        ("retry", "--table", "sales.orders"),
        ("dismiss", "--table", "sales.orders"),
        ("replay", "sales.orders"),
        ("ledger", "prune", "--older-than", "30d"),
    ],
)
def test_a_removed_ledger_is_reported_and_not_created_again(zone: Zone, arguments: tuple[str, ...]) -> None:
    (zone.landing.folder / "ledger.db").unlink()

    done = run(zone, *arguments)

    assert done.exit_code == 1
    assert "error: there is no ledger at sqlite:///" in done.stderr
    assert not (zone.landing.folder / "ledger.db").exists()
