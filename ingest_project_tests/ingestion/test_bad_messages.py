"""Messages that a queue may hold, and that no emulator delivers, or that are as large as SQS allows."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest_project.ingestion.intake import planning_rules
from ingest_project.ledger.model import MessageState
from ingest_project.sources.messages.raw_messages import RawMessages
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.md5 import md5_of_attributes
from ingest_project.sources.sqs.message import Message, MessageAttribute
from ingest_project_tests.ingestion.test_raw_messages import RAW, World

ARN = "arn:aws:sqs:us-east-1:123456789012:audit"
MIB = 1024**2


@pytest.fixture
def world(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return World(tmp_path, RAW)


def message(
    name: str,
    body: str = "body",
    sent: Mapping[str, MessageAttribute] | None = None,
    **fields: Any,
) -> Message:
    """A message as SQS gives it, with the right MD5s unless they are given."""
    given = sent or {}
    digest = hashlib.md5(body.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "message_id": name, "receipt_handle": f"handle of {name}", "body": body, "receive_count": 1,
        "sent_at": now, "received_at": now, "attributes": {}, "message_attributes": given,
        "md5_of_body": digest,
    }  # fmt: skip
    if "md5_of_message_attributes" not in fields:
        values["md5_of_message_attributes"] = md5_of_attributes(given)
    return Message(**values | fields)


def taken(world: World, *messages: Message) -> Sequence[Claim]:
    """What a tick and its run do with these messages."""
    services = world.services
    tables = services.settings.tables_of("audit")
    source = RawMessages(tables[0], ARN)
    claims = [source.claim(one) for one in source.in_order(messages)]
    later = datetime.now(UTC) + timedelta(minutes=5)
    services.ledger.claim_and_plan(
        "audit", claims, rules=planning_rules(tables), max_in_flight=4, invisible_until=later
    )
    for batch in services.ledger.open_batches("audit"):
        services.pipeline.process(
            batch.batch_id, queue=services.queue("audit"), run_id=f"run-{batch.run_key}"
        )
    return claims


def rejected(world: World) -> dict[str, str]:
    found = world.services.ledger.rejected_messages(["audit"])
    return {one.message_id: one.reason for one in found}


def test_body_that_is_not_unicode_is_left_to_the_dlq_and_the_others_are_rows(world: World) -> None:
    in_name = {"\udc80": MessageAttribute("String", "v")}
    in_list = {"k": MessageAttribute("StringList", string_list_values=("\udc80",))}

    taken(
        world, message("good"), message("half a pair", "\ud800"),
        message("in a name", sent=in_name, md5_of_message_attributes=None),
        message("in a list", sent=in_list),
    )  # fmt: skip

    assert world.rows()["message_id"].to_list() == ["good"]
    assert set(rejected(world)) == {"half a pair", "in a name", "in a list"}
    assert all("half a surrogate pair" in reason for reason in rejected(world).values())
    assert world.services.ledger.queue_report("audit").messages[MessageState.REJECTED] == 3


def test_message_that_is_not_what_sqs_says_it_is_is_not_ingested(world: World) -> None:
    attributes = {"k": MessageAttribute("String", "v")}

    taken(
        world, message("good", sent=attributes), message("other body", md5_of_body="0" * 32),
        message("other attributes", sent=attributes, md5_of_message_attributes="0" * 32),
    )  # fmt: skip

    assert world.rows()["message_id"].to_list() == ["good"]
    assert rejected(world)["other body"].startswith("its body has the MD5 ")
    assert rejected(world)["other attributes"].startswith("its message attributes have the MD5 ")


def test_bodies_of_a_mebibyte_are_rows(world: World) -> None:
    bodies = {
        "ascii": "x" * MIB,
        "umlauts": "ü" * (MIB // 2),
        "escaped": '"' * MIB,
        "lines": "\r\n" * (MIB // 2),
    }

    taken(world, *(message(name, body) for name, body in bodies.items()))

    assert dict(world.rows().select("message_id", "body").iter_rows()) == bodies


def test_ten_attributes_lists_and_types_that_nobody_knows_are_kept_as_they_are(world: World) -> None:
    ten = {f"k{n}": MessageAttribute("String", f"v{n}") for n in range(10)}
    odd = {
        "custom": MessageAttribute("String.x-\N{SNOWMAN}", "v"),
        "unknown": MessageAttribute("Colour", "red"),
        "texts": MessageAttribute("StringList", string_list_values=tuple("abcdefghij")),
        "binaries": MessageAttribute("BinaryList", binary_list_values=(b"\x00", b"\xff")),
    }

    taken(world, message("ten", sent=ten), message("odd", sent=odd))

    rows = {row["message_id"]: row["message_attributes"] for row in world.rows().iter_rows(named=True)}
    assert {name: value["string_value"] for name, value in rows["ten"].items()} == {
        f"k{n}": f"v{n}" for n in range(10)
    }
    assert {name: value["data_type"] for name, value in rows["odd"].items()} == {
        name: value.data_type for name, value in odd.items()
    }
    assert rows["odd"]["unknown"]["string_value"] == "red"
    assert rows["odd"]["texts"]["string_list_values"] == list("abcdefghij")
    assert rows["odd"]["binaries"]["binary_list_values"] == [b"\x00", b"\xff"]


def test_messages_of_a_fifo_queue_without_a_group_are_rows_and_hold_nothing_up(world: World) -> None:
    taken(
        world,
        message("damaged", md5_of_body="0" * 32, attributes={"SequenceNumber": "1"}),
        message("good", attributes={"SequenceNumber": "2"}),
    )

    (row,) = world.rows().iter_rows(named=True)
    assert (row["message_id"], row["message_group_id"], row["sequence_number"]) == ("good", None, "2")
