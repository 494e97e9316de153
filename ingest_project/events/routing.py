"""Where an object version goes: the table whose route takes it, and the partition of that table's asset."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ingest_project.errors import UnroutableObject
from ingest_project.events.object_version import ObjectVersion
from ingest_project.events.partition_key import partition_key
from ingest_project.settings.model import TableSettings


@dataclass(frozen=True, slots=True)
class RoutedObject:
    """An object version with its table's name and its Dagster partition key; None if the asset has no partitions."""

    object: ObjectVersion
    table: str
    partition_key: str | None


class Router:
    """The routes of all tables."""

    def __init__(self, tables: Sequence[TableSettings]) -> None:
        self._routes: dict[tuple[str, str], list[TableSettings]] = defaultdict(list)
        for table in tables:
            self._routes[table.queue, table.bucket].append(table)

    def route(self, queue: str, obj: ObjectVersion) -> RoutedObject:
        """The one table of `queue` that takes `obj`, by bucket, prefix and suffix, and the partition it falls in.

        Raises UnroutableObject if no table takes it, if several do (rows in one of them would be missing in the
        other), or if its partition cannot be told.
        """
        taking = [table for table in self._routes.get((queue, obj.bucket), ()) if _takes(table, obj.key)]
        if not taking:
            raise UnroutableObject(
                obj.uri,
                f"no table of queue {queue} takes it; add a table for it, or narrow the bucket's notification",
            )
        if len(taking) > 1:
            names = ", ".join(table.name for table in taking)
            raise UnroutableObject(obj.uri, f"it is on the routes of {names}; make their prefixes disjoint")
        table = taking[0]
        key = None if table.partition is None else partition_key(table.partition, obj)
        return RoutedObject(obj, table.name, key)


def _takes(table: TableSettings, key: str) -> bool:
    return key.startswith(table.prefix) and key.endswith(table.suffix)
