"""Where an object version goes: the table whose route takes it, and the partition of that table's asset."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest_project.errors import UnroutableObject
from ingest_project.settings.model import TableSettings
from ingest_project.sources.jobs.request import JobRequest
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.partition_key import partition_key
from ingest_project.sources.passed_over import reason_to_pass_over


@dataclass(frozen=True, slots=True)
class RoutedObject:
    """An object version with its table's name and Dagster partition key (None: no partitions).

    `passed_over` is the reason if the table does not ingest it, by `hidden_files` or `exclude`; then its
    partition is None if its key does not name one. `content` is that of a message that is a row itself;
    the ledger keeps it until it is committed. `request` is what a job was asked for with, if this is one.
    """

    object: ObjectVersion
    table: str
    partition_key: str | None
    passed_over: str | None = None
    content: bytes | None = field(default=None, repr=False)
    request: JobRequest | None = None


class Router:
    """The routes of all tables."""

    def __init__(self, tables: Sequence[TableSettings]) -> None:
        self._routes: dict[tuple[str, str], list[TableSettings]] = defaultdict(list)
        for table in tables:
            self._routes[table.queue, table.bucket].append(table)

    def route(self, queue: str, obj: ObjectVersion) -> RoutedObject:
        """The one table of `queue` that takes `obj`, by bucket, prefix and suffix, and its partition.

        What the table passes over is routed too, with the reason. Raises UnroutableObject if no table takes
        it, if several do (rows in one table would be missing in the other), or if its partition cannot be
        computed.
        """
        taking = [table for table in self._routes.get((queue, obj.bucket), ()) if _takes(table, obj.key)]
        if not taking:
            remedy = "add a table for it, or narrow the bucket's notification"
            raise UnroutableObject(obj.uri, f"no table of queue {queue} takes it; {remedy}")
        if len(taking) > 1:
            names = ", ".join(table.name for table in taking)
            raise UnroutableObject(obj.uri, f"it is on the routes of {names}; make their prefixes disjoint")
        table = taking[0]
        if reason := reason_to_pass_over(table, obj.key):
            return RoutedObject(obj, table.name, _partition_if_any(table, obj), passed_over=reason)
        key = None if table.partition is None else partition_key(table.partition, obj)
        return RoutedObject(obj, table.name, key)


def _partition_if_any(table: TableSettings, obj: ObjectVersion) -> str | None:
    try:
        return None if table.partition is None else partition_key(table.partition, obj)
    except UnroutableObject:
        return None


def _takes(table: TableSettings, key: str) -> bool:
    return key.startswith(table.prefix) and key.endswith(table.suffix)
