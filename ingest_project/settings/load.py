"""Reads ingest.yaml before anything starts: it is valid as a whole, or refused with its faults."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest_project.errors import SettingsError
from ingest_project.settings.after_rules import after_faults
from ingest_project.settings.api_settings import api_faults
from ingest_project.settings.aws_access import BucketSettings
from ingest_project.settings.document import Document, Fault, read_document
from ingest_project.settings.job_settings import job_faults
from ingest_project.settings.locations import anchored
from ingest_project.settings.message_tables import message_table_faults, with_message_tables
from ingest_project.settings.model import LedgerSettings, QueueSettings, Settings, TableSettings
from ingest_project.settings.rules import (
    bucket_faults,
    ledger_faults,
    queue_faults,
    route_faults,
    table_name_faults,
    table_queue_faults,
)
from ingest_project.settings.table_rules import table_faults
from ingest_project.settings.validation import ModelT, validated


def load_settings(path: Path | None = None) -> Settings:
    """The settings of a file: `path`, else `$INGEST_CONFIG`, else `ingest.yaml` in the current folder.

    `${VAR}` and `${VAR:-default}` are filled from the environment, and relative locations start at the file's
    folder. Reads nothing else, and opens no connections.

    Raises SettingsError with one line for each fault:
    `ingest.yaml:17: tables[0].partition.every: ...; remedy`. The lines do not repeat values, which may be
    secret.
    """
    path = path or Path(os.environ.get("INGEST_CONFIG") or "ingest.yaml")
    document = read_document(_text(path), os.environ)
    settings, faults = _checked(document)
    if settings is None or faults:
        raise SettingsError(_lines(path, document, faults))
    # Symbolic links stay: a mounted Kubernetes ConfigMap is one, and its target changes with every update.
    return anchored(settings, path.absolute().parent)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        remedy = "start in the folder of ingest.yaml, or name the file in INGEST_CONFIG"
        raise SettingsError([f"{path}: cannot be read ({error.strerror}); {remedy}"]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8"]) from error


def _checked(document: Document) -> tuple[Settings | None, list[Fault]]:
    """The settings, and all faults of the file, of its values and between them."""
    if document.values is None and document.faults:
        return None, list(document.faults)
    values = with_message_tables(document.values)
    settings, faults = validated(Settings, values)
    faults += message_table_faults(document.values)
    if isinstance(values, dict):
        faults += [*_rule_faults(values), *job_faults(values), *api_faults(values)]
    return settings, [*document.faults, *(fault for fault in faults if not document.is_echo(fault))]


def _rule_faults(values: dict[str, Any]) -> Iterator[Fault]:
    """The faults between entries that are valid by themselves, so that one bad entry does not hide others."""
    queues = _sound(QueueSettings, values.get("queues"))
    tables = _sound(TableSettings, values.get("tables"))
    ledger, _ = validated(LedgerSettings, values.get("ledger", {}))
    if ledger is not None:
        yield from ledger_faults(ledger)
    yield from queue_faults(queues)
    yield from bucket_faults(_sound(BucketSettings, values.get("buckets")))
    yield from table_name_faults(tables)
    if queue_names := _names(values.get("queues")):
        yield from table_queue_faults(tables, queue_names)
    yield from route_faults(tables)
    yield from after_faults(tables)
    for index, table in tables.items():
        yield from table_faults(index, table)


def _sound(model: type[ModelT], entries: Any) -> dict[int, ModelT]:
    listed = entries if isinstance(entries, list) else []
    checked = {index: validated(model, entry)[0] for index, entry in enumerate(listed)}
    return {index: entry for index, entry in checked.items() if entry is not None}


def _names(entries: Any) -> list[str]:
    """The names in a list of settings, including invalid entries."""
    listed = entries if isinstance(entries, list) else []
    names = [entry.get("name") for entry in listed if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str)]


def _lines(path: Path, document: Document, faults: list[Fault]) -> list[str]:
    placed = sorted({(document.line_of(fault), _dotted(fault), fault.text) for fault in faults})
    return [f"{path}:{line}: {key}{text}" for line, key, text in placed]


def _dotted(fault: Fault) -> str:
    """`tables[0].columns.amount: `, or an empty text for the whole file."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.path)
    dotted = "".join(steps).removeprefix(".")
    return f"{dotted}: " if dotted else ""
