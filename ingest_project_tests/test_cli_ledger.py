"""`ingest history`, `retry` and `ledger` on a landing zone in the emulator: what they print, and their exit codes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from ingest_project.batches.model import ObjectState
from ingest_project.cli import ingest
from ingest_project.cli_answers import duration, time
from ingest_project.cli_ledger import STATES
from ingest_project_tests.factories import QUEUE, Zone, order_key, orders_table
from ingest_project_tests.landing import BUCKET


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def run(zone: Zone, *arguments: str) -> Result:
    return CliRunner().invoke(
        ingest, ["--config", str(zone.landing.settings_path), *arguments], env={"COLUMNS": "250"}
    )


def answer(zone: Zone, *arguments: str) -> Any:
    return json.loads(run(zone, *arguments, "--json").stdout)


def one_good_and_one_bad(zone: Zone) -> None:
    zone.put_orders("good", 1, 2)
    zone.put(order_key("bad"), b"{broken")
    zone.ingest_one()
    zone.acknowledge()


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


def test_history_of_an_object_that_failed_tells_its_reason_once_also_when_it_is_superseded(
    zone: Zone,
) -> None:
    one_good_and_one_bad(zone)
    before = run(zone, "history", "--key", order_key("bad")).stdout
    zone.put_orders("bad", 3)
    zone.ingest_one()

    after = run(zone, "history", "-v", "--key", order_key("bad")).stdout

    assert before.count("no JSON") == " ".join(after.split()).count("no JSON") == 1


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

    assert (done.exit_code, done.stdout) == (0, "The ledger knows no such object version.\n")


@pytest.mark.parametrize("arguments", [("history", "sales.nope"), ("retry", "--table", "sales.nope")])
def test_table_that_nobody_knows_is_told(zone: Zone, arguments: tuple[str, ...]) -> None:
    done = run(zone, *arguments)

    assert done.exit_code == (1 if arguments[0] == "retry" else 0)
    assert done.stderr == "ingest.yaml has no table 'sales.nope': it has sales.orders\n"


@pytest.mark.parametrize(
    ("name", "remedy"), [("unreadible", "did you mean unreadable?"), ("x", "known are missing, forbidden")]
)
def test_class_of_errors_that_does_not_exist_is_refused(zone: Zone, name: str, remedy: str) -> None:
    for command in ("history", "retry"):
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
        ("ledger", "prune"),
        ("ledger", "prune", "--older-than", "13d"),
        ("ledger", "prune", "--older-than", "soon"),
        ("ledger", "rebuild", "--table", "sales.unknown"),
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


def test_a_retried_object_is_ingested_after_its_cause_was_mended(zone: Zone) -> None:
    zone.silence()
    key = order_key("a")
    etag = zone.put(key, b'{"order_id": 1}\n')
    zone.delete(key)
    zone.announce(key, etag)
    zone.ingest_one()
    zone.put(key, b'{"order_id": 1}\n')

    done = run(zone, "retry", "--object", f"s3://{BUCKET}/{key}")

    assert done.exit_code == 0
    assert done.stdout == (
        "1 object versions of sales.orders are pending again; the next tick of landing_sensor takes them.\n"
    )
    zone.ingest_one()
    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 1


def test_retry_without_a_match_exits_with_1(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    done = run(zone, "retry", "--object", f"s3://{BUCKET}/{order_key('a')}")

    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "Left alone: 1 committed.", "Nothing that matches has failed, is parked, or waits for another try.",
    ]  # fmt: skip


def test_retry_says_that_nobody_will_take_the_work(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    queues = [{"name": QUEUE, "url": zone.landing.queue_url, "enabled": False}]
    zone.landing.write(queues=queues, tables=[orders_table()])

    assert "landing_sensor is stopped by the settings" in run(zone, "retry", "--table", "sales.orders").stdout


def test_retry_as_json(zone: Zone) -> None:
    one_good_and_one_bad(zone)

    assert answer(zone, "retry", "--error-class", "unreadable") == {
        "objects": [{"queue": QUEUE, "table": "sales.orders", "objects": 1}],
        "batches": {},
        "left_alone": {},
        "more": False,
    }


def test_a_lost_ledger_is_rebuilt(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.ingest_one()
    zone.ledger.close()
    for path in zone.landing.folder.glob("ledger.db*"):
        path.unlink()

    dry = run(zone, "ledger", "rebuild", "--dry-run")
    real = answer(zone, "ledger", "rebuild", "--table", "sales.orders")

    assert dry.exit_code == 0
    assert "A dry run: nothing was written." in dry.stdout
    (table,) = real["tables"]
    assert (table["objects"], table["rows"], table["restored"]["new"]) == (1, 2, 1)
    assert zone.restarted().states() == {order_key("a"): ObjectState.COMMITTED}


def test_a_ledger_with_doubled_rows_exits_with_1_and_names_the_remedy(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.redeliver()
    zone.ledger.close()
    for path in zone.landing.folder.glob("ledger.db*"):
        path.unlink()
    zone.restarted().ingest_one()

    done = run(zone, "ledger", "rebuild")

    assert done.exit_code == 1
    assert "materialize their partitions" in done.stdout


def test_pruning_says_what_it_forgot(zone: Zone) -> None:
    done = run(zone, "ledger", "prune", "--older-than", "30d", "--dry-run")

    assert done.stdout == "Would forget 0 messages, 0 batches and 0 object versions.\n"
    assert answer(zone, "ledger", "prune", "--older-than", "30d") == {
        "dry_run": False, "messages": 0, "batches": 0, "object_versions": 0,
    }  # fmt: skip


def test_replay_reads_what_was_set_aside_again(zone: Zone) -> None:
    zone.put(order_key("a"), b'{"order_id": 1}\nbroken\n')
    zone.put_orders("b", 2)
    zone.ingest_one()

    done = run(zone, "replay", "sales.orders")

    assert done.exit_code == 0
    assert (
        "1 object versions of sales.orders with 1 rows in quarantine are read again in 1 batches"
        in done.stdout
    )
    assert "landing_sensor" in done.stdout
    again = run(zone, "replay", "sales.orders", "--object", f"s3://{BUCKET}/{order_key('a')}")
    assert again.exit_code == 1
    assert "Left alone, as work on their keys is under way: 1" in again.stdout


def test_replay_as_json(zone: Zone) -> None:
    zone.put(order_key("a"), b'{"order_id": 1}\nbroken\n')
    zone.ingest_one()

    found = answer(zone, "replay", "sales.orders")

    assert (found["objects"], found["rejected_rows"], found["busy"], found["more"]) == (1, 1, 0, False)
    assert list(found["batches"].values()) == [1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["sales.order"], 2, "no table 'sales.order'"),
        (["sales.orders", "--object", "orders/a"], 2, "--object takes s3://BUCKET/KEY"),
        (["sales.orders"], 1, "No object version of sales.orders that matches has rows in quarantine"),
    ],
)
def test_replay_without_a_match_says_so(zone: Zone, arguments: list[str], code: int, said: str) -> None:
    one_good_and_one_bad(zone)

    done = run(zone, "replay", *arguments)

    assert done.exit_code == code
    assert said in done.output
