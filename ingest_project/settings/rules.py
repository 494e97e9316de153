"""What must hold between the queues and tables of ingest.yaml, so that each object finds exactly one table."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from ingest_project.settings.document import Fault, KeyPath
from ingest_project.settings.model import QUARANTINE_SUFFIX, LedgerSettings, QueueSettings, TableSettings
from ingest_project.settings.validation import suggestion

Queues = Mapping[int, QueueSettings]
Tables = Mapping[int, TableSettings]
"""What is sound in itself, by its place in the list; an unsound entry is missing here."""


def ledger_faults(ledger: LedgerSettings) -> Iterator[Fault]:
    """A ledger that several processes cannot share keeps no promise; the URL is not repeated, it may hold a password."""
    dialect, separator, rest = ledger.url.partition("://")
    if not separator or dialect.split("+")[0] not in {"sqlite", "postgresql", "postgres"}:
        yield Fault(
            ("ledger", "url"),
            "no SQLite or PostgreSQL URL; write sqlite:///path/ledger.db or postgresql://user:password@host/database",
        )
    elif dialect.startswith("sqlite") and (rest in {"", "/"} or ":memory:" in rest):
        yield Fault(
            ("ledger", "url"), "a ledger in memory is lost with its process; name a file: sqlite:///ledger.db"
        )


def queue_faults(queues: Queues) -> Iterator[Fault]:
    """Names and URLs of queues are unique: two sensors on one queue would take each other's messages."""
    names = [(("queues", index, "name"), queue.name) for index, queue in queues.items()]
    yield from repeated(names, "another queue has this name; rename one")
    urls = [(("queues", index, "url"), queue.url.rstrip("/")) for index, queue in queues.items()]
    yield from repeated(urls, "another queue has this URL; remove one, and point its tables to the other")


def table_name_faults(tables: Tables) -> Iterator[Fault]:
    """Table names are unique whatever their case, for some catalogs fold it."""
    names = [(("tables", index, "name"), table.name.lower()) for index, table in tables.items()]
    yield from repeated(names, "another table has this name (case does not count); rename one")
    for path, name in names:
        if name.endswith(QUARANTINE_SUFFIX):
            yield Fault(
                path, f"names that end in {QUARANTINE_SUFFIX} are those of the bad rows' tables; rename it"
            )


def table_queue_faults(tables: Tables, queue_names: list[str]) -> Iterator[Fault]:
    """Each table is fed by a queue that exists."""
    for index, table in tables.items():
        if table.queue not in queue_names:
            yield Fault(("tables", index, "queue"), f"no such queue; {suggestion(table.queue, queue_names)}")


def route_faults(tables: Tables) -> Iterator[Fault]:
    """No object may reach two tables: of two prefixes or two suffixes that match one key, one extends the other."""
    for (_, first), (index, second) in combinations(tables.items(), 2):
        if first.queue == second.queue and first.bucket == second.bucket and _overlap(first, second):
            yield Fault(
                ("tables", index, "prefix"),
                f"the route overlaps that of {first.name} ({first.source}), so that an object could belong to both; "
                "make the prefixes or the suffixes exclude each other",
            )


def repeated(values: Iterable[tuple[KeyPath, str]], text: str) -> Iterator[Fault]:
    """A fault at every value that an earlier one equals."""
    seen: set[str] = set()
    for path, value in values:
        if value in seen:
            yield Fault(path, text)
        seen.add(value)


def _overlap(first: TableSettings, second: TableSettings) -> bool:
    prefixes = first.prefix.startswith(second.prefix) or second.prefix.startswith(first.prefix)
    suffixes = first.suffix.endswith(second.suffix) or second.suffix.endswith(first.suffix)
    return prefixes and suffixes
