"""The main job from end to end: a real daemon, real runs, an independent reader."""

import json
from datetime import datetime

import pytest

from ingest_project_tests.databases import on_both_databases
from ingest_project_tests.e2e.shop import CLICKS, ORDERS, Shop, table
from ingest_project_tests.e2e.world import BUCKET, World

pytestmark = [pytest.mark.e2e, on_both_databases]


def test_200_objects_of_3_tables_in_40_partitions_become_3_runs_and_3_snapshots(world: World) -> None:
    shop = Shop(world)
    shop.open()
    shop.put_200()

    world.start_daemon()
    world.wait_for(world.settled, name="settling 200 objects")

    shop.assert_exact()
    assert [len(world.snapshots(name)) for name in shop.expected] == [1, 1, 1]
    assert world.ledger("select table_name, state, starts, objects from batches order by objects desc") == [
        ("sales.orders", "committed", 1, 100),
        ("web.clicks", "committed", 1, 70),
        ("fleet.devices", "committed", 1, 30),
    ]
    assert world.ledger(
        "select count(distinct table_name || coalesce(partition_key, '')) from object_versions"
    ) == [(40,)]


def test_message_that_names_objects_of_both_tables_is_deleted_only_when_both_are_settled(
    world: World,
) -> None:
    queues = ["landing", "returns"]
    for name in queues:
        world.create_queue(name)
    world.s3.create_bucket(Bucket=BUCKET)
    tables = [
        table(template, name=f"{queue}.{kind}", queue=queue, prefix=f"{queue}/{template['prefix']}")
        for queue in queues
        for kind, template in (("orders", ORDERS), ("clicks", CLICKS))
    ]
    world.write_settings([{"name": name, "visibility_timeout_seconds": 30} for name in queues], tables)
    good = "\n".join(
        ["session_id,url,clicked_at", "s1,https://shop.example,2026-11-20T13:00:00Z", ""]
    ).encode()
    keys = {}
    for queue in queues:
        keys[queue] = [
            f"{queue}/clicks/dt=2026-11-20/hour=13/a.csv",
            f"{queue}/orders/dt=2026-11-20/a.ndjson.gz",
        ]
        records = []
        for key, body in zip(keys[queue], (good, b"not gzip, not JSON"), strict=True):
            etag = world.s3.put_object(Bucket=BUCKET, Key=key, Body=body)["ETag"].strip('"')
            records.append(record(key, etag, len(body)))
        world.sqs.send_message(QueueUrl=world.queue_url(queue), MessageBody=json.dumps({"Records": records}))

    world.start_daemon()
    settled = "select count(*) from object_versions where state = :state"
    world.wait_for(
        lambda: (
            world.ledger(settled, state="committed") == [(2,)]
            and world.ledger(settled, state="failed") == [(2,)]
        ),
        name="one table of each queue settled, the other failed",
    )
    assert [world.messages_in(queue) for queue in queues] == [1, 1]

    # A new write under the same key settles what failed, and only then do the messages go.
    body = b'{"order_id": 1, "customer_id": 1, "amount": "1.00", "ordered_at": "2026-11-20T10:00:00Z"}\n'
    for queue in queues:
        etag = world.s3.put_object(Bucket=BUCKET, Key=keys[queue][1], Body=body)["ETag"].strip('"')
        message = {"Records": [record(keys[queue][1], etag, len(body))]}
        world.sqs.send_message(QueueUrl=world.queue_url(queue), MessageBody=json.dumps(message))
    world.wait_for(world.settled, name="settling both tables of both queues")

    for queue in queues:
        assert [count for _, _, count in world.rows(f"{queue}.orders")] == [1]
        assert [count for _, _, count in world.rows(f"{queue}.clicks")] == [1]


def test_bad_messages_stay_for_the_dlq_and_do_not_delay_others(world: World) -> None:
    shop = Shop(world)
    shop.open()
    shop.put_orders("2026-11-20", 0)
    for body in ("not JSON", '{"Records": []}', json.dumps({"Records": [record("nowhere/x.csv", "abc", 1)]})):
        world.sqs.send_message(QueueUrl=world.queue_url("landing"), MessageBody=body)

    world.start_daemon()
    world.wait_for(
        lambda: (
            world.ledger("select state, count(*) from messages group by state order by state")
            == [("deleted", 2), ("rejected", 3)]
        ),  # the object's event and s3:TestEvent are gone
        name="two messages deleted, three rejected",
    )

    shop.assert_exact()
    assert world.messages_in("landing") == 3
    reasons = [reason for (reason,) in world.ledger("select reason from messages where state = 'rejected'")]
    assert all(reasons)


def record(key: str, etag: str, size: int) -> dict[str, object]:
    """One record of an S3 event notification, as S3 sends it for a key without odd characters."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": datetime.now().astimezone().isoformat(timespec="milliseconds"),
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": size, "eTag": etag}},
    }
