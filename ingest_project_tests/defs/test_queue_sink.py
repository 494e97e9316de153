"""The resource `sqs` and the op that sends frames and assets to a queue of the emulator."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import dagster as dg
import polars as pl
import pytest

from ingest_project.defs import frame_entries
from ingest_project.defs.queue_sink import SqsSink, send_table_op, send_to_queue_op
from ingest_project.errors import InvalidEntries
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings
from ingest_project_tests.factories import DAY, NEXT_DAY, ORDERS, Zone, order_key
from ingest_project_tests.landing import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def client(aws: str) -> "SQSClient":
    return boto3.client("sqs")


@pytest.fixture
def sqs(client: "SQSClient") -> SqsSink:
    url = client.create_queue(QueueName="orders")["QueueUrl"]
    queue = QueueSettings(name="orders", url=url)
    return SqsSink(Services(Settings.model_construct(queues=[queue], tables=[])))


def bodies(client: "SQSClient", name: str = "orders") -> list[str]:
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    found: list[str] = []
    while batch := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [one["Body"] for one in batch]
        receipts = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(batch)]
        client.delete_message_batch(QueueUrl=url, Entries=receipts)  # type: ignore[arg-type]
    return found


def run(job: dg.JobDefinition, sqs: SqsSink, **config: Any) -> dg.ExecuteInProcessResult:
    return job.execute_in_process(
        run_config={"ops": {"send_to_queue": {"config": {"queue": "orders", **config}}}},
        resources={"sqs": sqs},
        raise_on_error=False,
    )


def job_of(frame: pl.DataFrame | pl.LazyFrame) -> dg.JobDefinition:
    @dg.op
    def made() -> Any:
        return frame

    @dg.job
    def job() -> None:
        send_to_queue_op()(made())

    return job


def test_resource_has_a_method_of_the_same_name(client: "SQSClient", sqs: SqsSink) -> None:
    result = sqs.send_batch("orders", [{"Id": "a", "MessageBody": "x"}], max_trials=2, append_error=False)

    assert [one.id for one in result.succeeded] == ["a"]
    assert bodies(client) == ["x"]


def test_rows_of_any_types_arrive_as_json(client: "SQSClient", sqs: SqsSink) -> None:
    frame = pl.LazyFrame({
        "n": [1], "price": [Decimal("1.50")], "at": [datetime(2026, 1, 1, tzinfo=UTC)], "raw": [b"\x00\x01"],
        "tags": [["a"]], "none": [None],
    })  # fmt: skip

    result = run(job_of(frame), sqs)

    assert result.output_for_node("send_to_queue", "sent") == 1
    assert [json.loads(one) for one in bodies(client)] == [
        {"n": 1, "price": "1.50", "at": "2026-01-01T00:00:00+00:00", "raw": "AAE=", "tags": ["a"],
         "none": None}
    ]  # fmt: skip


def test_frame_of_many_rows_arrives_once(
    client: "SQSClient", sqs: SqsSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_entries, "PART_ROWS", 50)

    result = run(job_of(pl.DataFrame({"n": range(105)})), sqs)

    assert result.output_for_node("send_to_queue", "sent") == 105
    assert result.output_for_node("send_to_queue", "failed").height == 0
    assert sorted(json.loads(one)["n"] for one in bodies(client)) == [*range(105)]


def test_failed_entries_are_an_output_that_can_be_stored_and_sent_again(
    client: "SQSClient", sqs: SqsSink, tmp_path: Path
) -> None:
    frame = pl.DataFrame({"key": ["a", "b"], "text": ["fine", "too late"], "wait": [0, 901]})

    result = run(job_of(frame), sqs, body_column="text", id_column="key", delay_column="wait")
    result.output_for_node("send_to_queue", "failed").write_parquet(tmp_path / "failed.parquet")

    assert result.success
    assert result.output_for_node("send_to_queue", "sent") == 1
    stored = pl.read_parquet(tmp_path / "failed.parquet")
    assert stored["Id"].to_list() == ["b"]
    assert stored["Error"].struct.field("Code").to_list() == ["InvalidParameterValue"]
    sqs.send_batch("orders", stored.with_columns(DelaySeconds=0).to_dicts())
    assert sorted(bodies(client)) == ["fine", "too late"]


def test_columns_become_attributes_by_their_types(client: "SQSClient", sqs: SqsSink) -> None:
    frame = pl.DataFrame({
        "text": ["all", "none"], "shop": ["Köln", None], "n": [7, None], "price": [Decimal("1.50"), None],
        "raw": [b"\x00\x01", None], "new": [True, None], "none": [None, None],
    })  # fmt: skip
    names = {
        "Shop.name": "shop",
        "n": "n",
        "price": "price",
        "raw": "raw",
        "new": "new",
        "none": "none",
    }

    result = run(job_of(frame), sqs, body_column="text", attribute_columns=names)

    assert result.output_for_node("send_to_queue", "sent") == 2
    url = client.get_queue_url(QueueName="orders")["QueueUrl"]
    received = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    assert {one["Body"]: one.get("MessageAttributes") for one in received["Messages"]} == {
        "all": {
            "Shop.name": {"DataType": "String", "StringValue": "Köln"},
            "n": {"DataType": "Number", "StringValue": "7"},
            "price": {"DataType": "Number", "StringValue": "1.50"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
            "new": {"DataType": "String", "StringValue": "true"},
        },
        "none": None,
    }


def test_failed_entries_keep_their_attributes_when_they_are_stored_and_sent_again(
    client: "SQSClient", sqs: SqsSink, tmp_path: Path
) -> None:
    frame = pl.DataFrame({"text": ["a", "b"], "shop": ["x", None], "raw": [b"y", None], "wait": [901, 901]})
    config = {"delay_column": "wait", "attribute_columns": {"shop": "shop", "raw": "raw"}}

    result = run(job_of(frame), sqs, body_column="text", **config)
    result.output_for_node("send_to_queue", "failed").write_parquet(tmp_path / "failed.parquet")

    stored = pl.read_parquet(tmp_path / "failed.parquet").with_columns(DelaySeconds=None)
    assert len(sqs.send_batch("orders", stored.to_dicts()).succeeded) == 2
    url = client.get_queue_url(QueueName="orders")["QueueUrl"]
    received = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    assert {one["Body"]: set(one.get("MessageAttributes", {})) for one in received["Messages"]} == {
        "a": {"shop", "raw"}, "b": set(),
    }  # fmt: skip


def test_groups_of_a_fifo_queue_keep_the_order_of_the_rows(client: "SQSClient", sqs: SqsSink) -> None:
    url = client.create_queue(QueueName="o.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    frame = pl.DataFrame({"shop": [n % 3 for n in range(30)], "text": [f"{n % 3} {n:02}" for n in range(30)]})

    run(job_of(frame), sqs, queue=url, body_column="text", group_column="shop")

    delivered = bodies(client, "o.fifo")
    assert len(delivered) == 30
    assert all(
        [one for one in delivered if one[0] == shop] == sorted(one for one in delivered if one[0] == shop)
        for shop in "012"
    )


def test_asset_is_the_input_of_the_op(client: "SQSClient", sqs: SqsSink, tmp_path: Path) -> None:
    files = dg.FilesystemIOManager(base_dir=str(tmp_path))

    @dg.asset
    def orders() -> pl.DataFrame:
        return pl.DataFrame({"n": [1, 2]})

    @dg.job
    def job() -> None:
        send_to_queue_op(queue="orders")(orders.get_asset_spec())

    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([orders], instance=instance, resources={"io_manager": files})
        result = job.execute_in_process(resources={"sqs": sqs, "io_manager": files}, instance=instance)

    assert result.output_for_node("send_to_queue", "sent") == 2
    assert sorted(bodies(client)) == ['{"n":1}', '{"n":2}']


@pytest.mark.parametrize(
    ("frame", "columns", "expected"),
    [
        (pl.DataFrame({"k": [1, 1]}), {"id_column": "k"}, "column 'k' has '1' more than once"),
        (pl.DataFrame({"k": [1, None]}), {"id_column": "k"}, "column 'k' has no value in row 1"),
        (pl.DataFrame({"k": [1]}), {"body_column": "b"}, "the frame has no column 'b'"),
        (pl.DataFrame({"k": [1]}), {"attribute_columns": {"a": "b"}}, "the frame has no column 'b'"),
        (
            pl.DataFrame({"k": [1.5, float("nan")]}),
            {"attribute_columns": {"k": "k"}},
            "column 'k' has nan in row 1, which is not a Number of SQS",
        ),
        (
            pl.DataFrame({"k": [datetime(2026, 1, 1, tzinfo=UTC)]}),
            {"attribute_columns": {"k": "k"}},
            "an attribute is a text, a number or bytes",
        ),
        (pl.DataFrame({"k": [[b"x"]]}), {}, "column 'k' has bytes within lists or structs"),
    ],
)
def test_frame_that_cannot_be_sent_is_refused_before_anything_is(
    client: "SQSClient", sqs: SqsSink, frame: pl.DataFrame, columns: dict[str, str], expected: str
) -> None:
    with pytest.raises(InvalidEntries, match=expected):
        sqs.send_frame("orders", frame, **columns)  # type: ignore[arg-type]

    assert not run(job_of(frame), sqs, **columns).success
    assert bodies(client) == []


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    """A landing zone with rows of two days, one of which was overwritten."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    zone = Zone.create(tmp_path, aws)
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3)
    zone.put_orders("c", 4, day=NEXT_DAY)
    zone.ingest_one()
    zone.put_orders("b", 5)
    zone.ingest_one()
    zone.landing.sqs.create_queue(QueueName="orders")
    return zone


def sent_table(zone: Zone, *, partition_key: str | None = None, **config: Any) -> dg.ExecuteInProcessResult:
    url = zone.landing.sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    days = dg.DailyPartitionsDefinition("2026-11-01") if partition_key else None

    @dg.job(partitions_def=days)
    def job() -> None:
        send_table_op(queue=url, table=ORDERS)()

    return job.execute_in_process(
        run_config={"ops": {"send_table": {"config": config}}},
        resources={"sqs": SqsSink(zone.services)},
        partition_key=partition_key,
        raise_on_error=False,
    )


def test_rows_of_a_declared_table_or_of_its_partition_are_sent(client: "SQSClient", zone: Zone) -> None:
    sent_table(zone)
    assert sorted(bodies(client)) == [f'{{"order_id":{n}}}' for n in (1, 2, 4, 5)]

    assert sent_table(zone, partition=DAY).output_for_node("send_table", "sent") == 3
    assert sorted(bodies(client)) == [f'{{"order_id":{n}}}' for n in (1, 2, 5)]
    assert sent_table(zone, partition_key=NEXT_DAY).output_for_node("send_table", "sent") == 1
    assert bodies(client) == ['{"order_id":4}']
    assert sent_table(zone, partition="2026-11-01").output_for_node("send_table", "sent") == 0


def test_rows_of_a_table_have_the_columns_that_are_selected_and_those_that_are_used(
    client: "SQSClient", zone: Zone
) -> None:
    sent_table(zone, partition=NEXT_DAY, select=["_source_uri"], attribute_columns={"id": "order_id"})

    (body,) = bodies(client)
    assert json.loads(body) == {"_source_uri": f"s3://{BUCKET}/{order_key('c', NEXT_DAY)}", "order_id": 4}


def test_table_that_cannot_be_sent_fails_the_run_and_sends_nothing(client: "SQSClient", zone: Zone) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"table": "web.none"}, "the settings have no table 'web.none'"),
        ({"select": ["price"]}, "the table sales.orders has no column 'price'"),
        ({"body_column": "price"}, "the table sales.orders has no column 'price'"),
    ]
    for config, reason in wrong:
        result = sent_table(zone, **config)

        assert not result.success
        assert reason in str(result.failure_data_for_node("send_table"))
    assert bodies(client) == []


def test_table_that_was_never_made_has_no_rows_to_send(aws: str, tmp_path: Path) -> None:
    zone = Zone.create(tmp_path, aws)
    zone.landing.sqs.create_queue(QueueName="orders")

    assert sent_table(zone).output_for_node("send_table", "sent") == 0
