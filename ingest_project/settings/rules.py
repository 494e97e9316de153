"""Rules between the queues and tables of ingest.yaml, so that each object has exactly one table."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from ingest_project.settings.aws_access import BucketSettings, region_of_queue
from ingest_project.settings.document import Fault, KeyPath
from ingest_project.settings.model import QUARANTINE_SUFFIX, LedgerSettings, QueueSettings, TableSettings
from ingest_project.settings.names import table_identifier
from ingest_project.settings.validation import suggestion

Queues = Mapping[int, QueueSettings]
Tables = Mapping[int, TableSettings]
"""Valid entries by their position in the list; invalid ones are not here."""


def ledger_faults(ledger: LedgerSettings) -> Iterator[Fault]:
    """Several processes must be able to share the ledger. The URL is not repeated: it may have a password."""
    dialect, separator, rest = ledger.url.partition("://")
    if not separator or dialect.split("+")[0] not in {"sqlite", "postgresql", "postgres"}:
        yield Fault(
            ("ledger", "url"),
            "not a SQLite or PostgreSQL URL; "
            "write sqlite:///path/ledger.db or postgresql://user:password@host/database",
        )
    elif dialect.startswith("sqlite") and (rest in {"", "/"} or ":memory:" in rest):
        yield Fault(
            ("ledger", "url"), "a ledger in memory is lost with its process; name a file: sqlite:///ledger.db"
        )


def queue_faults(queues: Queues) -> Iterator[Fault]:
    """Names and URLs of queues are unique: two sensors of one queue would receive each other's messages."""
    names = [(("queues", index, "name"), queue.name) for index, queue in queues.items()]
    yield from repeated(names, "another queue has this name; rename one")
    urls = [(("queues", index, "url"), queue.url.rstrip("/")) for index, queue in queues.items()]
    yield from repeated(urls, "another queue has this URL; remove one, and point its tables to the other")
    for index, queue in queues.items():
        named = region_of_queue(queue.url)
        if queue.region is not None and named not in {None, queue.region}:
            text = f"the queue's URL names the region {named}; correct one of the two, or remove `region`"
            yield Fault(("queues", index, "region"), text)


def bucket_faults(buckets: Mapping[int, BucketSettings]) -> Iterator[Fault]:
    """Each bucket has one entry. An unused one may be there for a preview, so `ingest check` reports it."""
    names = [(("buckets", index, "name"), bucket.name) for index, bucket in buckets.items()]
    yield from repeated(names, "another entry has this name; put both into one")


def table_name_faults(tables: Tables) -> Iterator[Fault]:
    """Table names are unique in any case, because some catalogs ignore case."""
    names = [
        (("tables", index, "name"), table_identifier(table.name).lower()) for index, table in tables.items()
    ]
    yield from repeated(names, "another table has this name (case does not count); rename one")
    for path, name in names:
        if name.endswith(QUARANTINE_SUFFIX):
            yield Fault(
                path, f"names that end with {QUARANTINE_SUFFIX} are reserved for quarantines; rename it"
            )


def table_queue_faults(tables: Tables, queue_names: list[str]) -> Iterator[Fault]:
    """Each table has a queue that exists."""
    for index, table in tables.items():
        if table.queue not in queue_names:
            yield Fault(("tables", index, "queue"), f"no such queue; {suggestion(table.queue, queue_names)}")


def route_faults(tables: Tables) -> Iterator[Fault]:
    """An object must not reach two tables: two prefixes match one key if one extends the other."""
    for (_, first), (index, second) in combinations(tables.items(), 2):
        if first.queue == second.queue and first.bucket == second.bucket and _overlap(first, second):
            yield Fault(
                ("tables", index, "prefix"),
                f"the route overlaps that of {first.name} ({first.source}), so that an object could belong "
                "to both; make the prefixes or the suffixes exclude each other",
            )


def repeated(values: Iterable[tuple[KeyPath, str]], text: str) -> Iterator[Fault]:
    """A fault at each value that repeats an earlier one."""
    seen: set[str] = set()
    for path, value in values:
        if value in seen:
            yield Fault(path, text)
        seen.add(value)


def _overlap(first: TableSettings, second: TableSettings) -> bool:
    prefixes = first.prefix.startswith(second.prefix) or second.prefix.startswith(first.prefix)
    suffixes = first.suffix.endswith(second.suffix) or second.suffix.endswith(first.suffix)
    return prefixes and suffixes
