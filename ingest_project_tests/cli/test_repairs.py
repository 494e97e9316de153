"""`ingest retry`, `dismiss` and `replay` on a landing zone in the emulator: output and exit codes."""

import pytest

from ingest_project_tests.cli.commands import answer, one_good_and_one_bad, run
from ingest_project_tests.factories import QUEUE, Zone, order_key, orders_table
from ingest_project_tests.landing import BUCKET


def test_a_retried_object_is_ingested_after_its_cause_was_fixed(zone: Zone) -> None:
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
        "1 object version of sales.orders is pending again; the next tick of landing_sensor takes it.\n"
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
        "Left alone: 1 committed.",
        "No matching object version has failed, is parked, or waits for another try.",
    ]  # fmt: skip


def test_retry_says_that_no_sensor_takes_the_work(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    queues = [{"name": QUEUE, "url": zone.landing.queue_url, "enabled": False}]
    zone.landing.write(queues=queues, tables=[orders_table()])

    assert "the settings stop landing_sensor" in run(zone, "retry", "--table", "sales.orders").stdout


def test_retry_as_json(zone: Zone) -> None:
    one_good_and_one_bad(zone)

    assert answer(zone, "retry", "--error-class", "unreadable") == {
        "objects": [{"queue": QUEUE, "table": "sales.orders", "objects": 1}],
        "batches": {},
        "left_alone": {},
        "more": False,
    }


def test_dismissed_object_is_settled_and_its_message_goes(zone: Zone) -> None:
    zone.announce(order_key("never"), "0" * 32)
    zone.ingest_one()
    assert zone.acknowledge().deleted == 0

    done = run(zone, "dismiss", "--object", f"s3://{BUCKET}/{order_key('never')}")

    assert done.exit_code == 0
    assert done.stdout == (
        "1 object version of sales.orders that failed as missing is settled as skipped; landing_sensor "
        "deletes its messages, `ingest redrive` those in the DLQ.\n"
    )
    assert zone.acknowledge().deleted == 1
    (record,) = answer(zone, "history", "--state", "skipped")["objects"]
    assert (record["error_class"], record["reason"][:11]) == ("missing", "dismissed: ")
    assert run(zone, "retry", "--table", "sales.orders").exit_code == 1
    assert run(zone, "retry", "--object", record["uri"]).exit_code == 0


def test_dismiss_without_a_match_exits_with_1(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    done = run(zone, "dismiss", "--object", f"s3://{BUCKET}/{order_key('a')}")

    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "Left alone: 1 committed.",
        "No matching object version has failed or is parked.",
    ]


def test_dismiss_as_json(zone: Zone) -> None:
    one_good_and_one_bad(zone)

    assert answer(zone, "dismiss", "--table", "sales.orders") == {
        "objects": [{"queue": QUEUE, "table": "sales.orders", "error_class": "unreadable", "objects": 1}],
        "left_alone": {},
        "more": False,
    }


def test_replay_reads_what_was_set_aside_again(zone: Zone) -> None:
    zone.put(order_key("a"), b'{"order_id": 1}\nbroken\n')
    zone.put_orders("b", 2)
    zone.ingest_one()

    done = run(zone, "replay", "sales.orders")

    assert done.exit_code == 0
    assert "1 object version of sales.orders with 1 row in quarantine is read again in 1 batch" in done.stdout
    assert "landing_sensor" in done.stdout
    again = run(zone, "replay", "sales.orders", "--object", f"s3://{BUCKET}/{order_key('a')}")
    assert again.exit_code == 1
    assert "Left alone, because their keys are in use by other work: 1" in again.stdout


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
        (["sales.orders"], 1, "No matching object version of sales.orders has rows in quarantine"),
    ],
)
def test_replay_without_a_match_says_so(zone: Zone, arguments: list[str], code: int, said: str) -> None:
    one_good_and_one_bad(zone)

    done = run(zone, "replay", *arguments)

    assert done.exit_code == code
    assert said in done.output
