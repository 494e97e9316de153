"""Rules about `after` between the tables: what is moved or deleted must not be read again, or by others."""

from collections.abc import Iterator, Mapping

from ingest_project.settings.after_settings import bucket_and_prefix
from ingest_project.settings.document import Fault
from ingest_project.settings.model import TableSettings


def after_faults(tables: Mapping[int, TableSettings]) -> Iterator[Fault]:
    """A fault for each `after` that would feed a table again, or take its objects from another table."""
    for index, table in tables.items():
        path = ("tables", index, "after")
        if table.after.move is not None:
            bucket, prefix = bucket_and_prefix(table.after.move)
            for other in tables.values():
                if other.bucket == bucket and _meet(other.prefix, prefix):
                    text = f"it is on the route of {other.name} ({other.source}), which would ingest it again"
                    yield Fault((*path, "move"), f"{text}; move objects to another prefix or bucket")
                    break
        if table.after.takes_away:
            yield from _shared(index, table, tables)


def _shared(index: int, table: TableSettings, tables: Mapping[int, TableSettings]) -> Iterator[Fault]:
    for place, other in tables.items():
        if place == index or other.bucket != table.bucket or other.queue == table.queue:
            continue
        suffixes = other.suffix.endswith(table.suffix) or table.suffix.endswith(other.suffix)
        if _meet(other.prefix, table.prefix) and suffixes:
            text = f"{other.name} reads the same objects by another queue, and may not have read them yet"
            yield Fault(("tables", index, "after"), f"{text}; use tag, or keep the objects")


def _meet(first: str, second: str) -> bool:
    return first.startswith(second) or second.startswith(first)
