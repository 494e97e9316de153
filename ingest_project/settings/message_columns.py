"""The columns of a table of raw SQS messages: their names, types and descriptions."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ingest_project.settings.provenance import IngestColumn

ATTRIBUTE = (
    "struct<string_value: string, binary_value: binary, string_list_values: list<string>, "
    "binary_list_values: list<binary>, data_type: string>"
)
RECEIPT_HANDLE: Final = "receipt_handle"
BODY_COLUMNS: Final = ("body", "md5_of_body", "md5_of_message_attributes")
"""The columns that a table of parsed bodies does not have."""

MESSAGE_COLUMNS: Final[Mapping[str, IngestColumn]] = MappingProxyType(
    {
        "message_id": IngestColumn("string", "the id that SQS gave the message when it was sent"),
        "body": IngestColumn("string", "the body, as it was sent"),
        "md5_of_body": IngestColumn("string", "SQS's MD5 of the body, which was verified"),
        "md5_of_message_attributes": IngestColumn(
            "string", "SQS's MD5 of the message attributes, which was verified; null if there are none"
        ),
        "attributes": IngestColumn(
            "map<string, string>", "SQS's own attributes: SentTimestamp, SenderId, AWSTraceHeader, ..."
        ),
        "message_attributes": IngestColumn(f"map<string, {ATTRIBUTE}>", "the sender's attributes, by name"),
        "queue_arn": IngestColumn("string", "the queue from which the message was received"),
        "aws_region": IngestColumn("string", "the region of that queue"),
        "message_group_id": IngestColumn("string", "the message group; null if the sender named none"),
        "sequence_number": IngestColumn(
            "string", "the order within a group of a FIFO queue: up to 128 bits, in digits; else null"
        ),
        "ingested_at": IngestColumn("timestamptz", "when the message was first received, UTC"),
        "ingested_date": IngestColumn("date", "the day of ingested_at, UTC"),
    }
)
RECEIPT_HANDLE_COLUMN: Final = IngestColumn(
    "string",
    "the receipt handle of the first delivery: with it, until it expires, the message can be deleted",
)


def columns_of_bodies() -> dict[str, IngestColumn]:
    """The columns about the message in a table of parsed bodies; `_` tells them from the fields of bodies.

    The time of the ingestion is in `_ingested_at`, which every table has.
    """
    left_out = {*BODY_COLUMNS, "ingested_at"}
    return {f"_{name}": column for name, column in MESSAGE_COLUMNS.items() if name not in left_out}
