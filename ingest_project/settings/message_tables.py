"""Completes the tables of queues whose messages themselves are the rows: `source: messages`.

Such a table has no bucket, no files and no columns to declare, except those of parsed bodies. Here the keys
that follow from its queue are written into the values of ingest.yaml, before these are validated: from then
on it is a table like any other, with `ndjson` as its format, because the ingest keeps a message as a line of
JSON until its row is committed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ingest_project.settings.document import Fault
from ingest_project.settings.message_columns import (
    MESSAGE_COLUMNS,
    RECEIPT_HANDLE,
    RECEIPT_HANDLE_COLUMN,
    columns_of_bodies,
)
from ingest_project.settings.provenance import IngestColumn

DEFAULT_NAME = "sqs_messages"
DEFAULT_START = "2026-01-01"
QUEUE_SCHEME = "sqs:"
"""What the `bucket` of such a table begins with, before the queue's name, here and in the ledger."""

OF_FILES = (
    "bucket", "prefix", "suffix", "hidden_files", "exclude", "format", "csv", "excel", "case_insensitive",
    "on_overwrite", "after", "rebuild_schedule", "reconcile",
)  # fmt: skip
OF_KEYS = ("values", "dynamic", "from", "pattern", "default")


def with_message_tables(values: Any) -> Any:
    """The values of ingest.yaml with complete tables for queues of messages; anything invalid is left as it
    is.
    """
    queues = _message_queues(values)
    if not queues:
        return values
    given = values.get("tables") if isinstance(values.get("tables"), list) else []
    tables = [
        _completed(table, queues[table["queue"]]) if _is_of(table, queues) else table for table in given
    ]
    taken = {table["queue"] for table in given if _is_of(table, queues)}
    lacking = [name for name in queues if name not in taken]
    for name in lacking:
        table_name = DEFAULT_NAME if len(lacking) == 1 else f"{DEFAULT_NAME}_{name}"
        tables.append(_completed({"name": table_name, "queue": name}, queues[name]))
    return {**values, "tables": tables}


def message_table_faults(values: Any) -> Iterator[Fault]:
    """What tables of messages must not say, because it follows from their queue; by the file's own values."""
    queues = _message_queues(values)
    tables = values.get("tables") if isinstance(values, dict) else None
    seen: set[str] = set()
    for index, table in enumerate(tables if isinstance(tables, list) else []):
        if not isinstance(table, dict):
            continue
        path = ("tables", index)
        if not _is_of(table, queues):
            if str(table.get("bucket") or "").startswith(QUEUE_SCHEME):
                yield Fault((*path, "bucket"), "not a bucket name; give the queue `source: messages` instead")
            continue
        for key in OF_FILES:
            if key in table:
                yield Fault((*path, key), "the rows of this table are its queue's messages; remove it")
        yield from _column_faults(path, table)
        yield from _partition_faults(path, table.get("partition"))
        if table["queue"] in seen:
            text = "another table takes this queue's messages, and each can only be in one; remove one"
            yield Fault((*path, "queue"), text)
        seen.add(table["queue"])


def _column_faults(path: tuple[str | int, ...], table: Mapping[str, Any]) -> Iterator[Fault]:
    if "columns" in table:
        text = "a table of messages has its own columns; to parse bodies, declare theirs as `json.columns`"
        yield Fault((*path, "columns"), text)
    parsing = table.get("json")
    if not isinstance(parsing, dict):
        return
    if "path" in parsing:
        text = "each message is one row; remove it, and read nested fields by `from: a.b`"
        yield Fault((*path, "json", "path"), text)
    if not isinstance(parsing.get("columns"), dict) or not parsing["columns"]:
        yield Fault((*path, "json"), "needs `columns`, those of the bodies; add them, or remove `json`")
        return
    for name in parsing["columns"]:
        if str(name).lower() in columns_of_bodies():
            text = "the ingest itself writes this column; give yours another name, with `from`"
            yield Fault((*path, "json", "columns", name), text)


def _partition_faults(path: tuple[str | int, ...], partition: Any) -> Iterator[Fault]:
    for key in OF_KEYS if isinstance(partition, dict) else ():
        if key in partition:
            text = "messages are partitioned by the time of their ingestion; remove it"
            yield Fault((*path, "partition", key), text)


def _message_queues(values: Any) -> dict[str, Mapping[str, Any]]:
    listed = values.get("queues") if isinstance(values, dict) else None
    return {
        queue["name"]: queue
        for queue in (listed if isinstance(listed, list) else [])
        if isinstance(queue, dict)
        and queue.get("source") == "messages"
        and isinstance(queue.get("name"), str)
    }


def _is_of(table: Any, queues: Mapping[str, Any]) -> bool:
    return isinstance(table, dict) and isinstance(table.get("queue"), str) and table["queue"] in queues


def _completed(table: Mapping[str, Any], queue: Mapping[str, Any]) -> dict[str, Any]:
    parsing = table.get("json")
    parses = isinstance(parsing, dict) and isinstance(parsing.get("columns"), dict)
    ours = columns_of_bodies() if parses else dict(MESSAGE_COLUMNS)
    if queue.get("receipt_handles") is True:
        ours["_receipt_handle" if parses else RECEIPT_HANDLE] = RECEIPT_HANDLE_COLUMN
    partition = table.get("partition", {"every": "day", "start": DEFAULT_START})
    return {
        **table,
        "bucket": f"{QUEUE_SCHEME}{queue['name']}",
        "format": "ndjson",
        "on_overwrite": "append",
        "columns": (dict(parsing["columns"]) if parses and parsing else {}) | _declared(ours),
        "partition": {**partition, "from": "event_time"} if isinstance(partition, dict) else partition,
        "partition_spec": table.get("partition_spec", ["_ingested_date" if parses else "ingested_date"]),
    }


def _declared(columns: Mapping[str, IngestColumn]) -> dict[str, dict[str, str]]:
    return {
        name: {"type": column.type, "description": column.description} for name, column in columns.items()
    }
