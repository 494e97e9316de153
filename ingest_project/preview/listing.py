"""What a prefix holds: how many objects, and which of them are sampled."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

from ingest_project.settings.model import TableSettings
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.passed_over import hidden_name, reason_to_pass_over
from ingest_project.sources.s3.markers import SUCCESS

LIST_LIMIT = 100_000
"""Objects that one preview lists: a hundred requests. A prefix may hold millions."""

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects that were found, in S3's order of keys, and whether there are more.

    `objects` are those that may have rows; `empty` counts folder markers, empty objects and success markers,
    which are settled without rows; `passed_over` those that a table passes over by rule, such as hidden ones.
    """

    objects: tuple[ObjectVersion, ...] = field(repr=False)
    empty: int
    is_cut: bool
    passed_over: int = 0

    @property
    def total_bytes(self) -> int:
        return sum(one.size_bytes for one in self.objects)

    @property
    def sizes(self) -> tuple[int, int, int] | None:
        """The smallest, the median and the largest size in bytes; None without objects."""
        sizes = sorted(one.size_bytes for one in self.objects)
        return (sizes[0], sizes[len(sizes) // 2], sizes[-1]) if sizes else None

    @property
    def extensions(self) -> dict[str, int]:
        """How many objects have each extension, such as `.csv.gz`, the commonest first."""
        counts = Counter(extension_of(one.key) for one in self.objects)
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def listing_of(found: Iterable[ObjectVersion], limit: int = LIST_LIMIT) -> Listing:
    """At most `limit` objects, in the order of their keys, each key once, with the version that came last."""
    items = iter(found)
    newest = {(one.bucket, one.key): one for one in islice(items, limit)}
    is_cut = next(items, None) is not None
    full = [one for _, one in sorted(newest.items()) if not _holds_no_rows(one)]
    return Listing(tuple(full), empty=len(newest) - len(full), is_cut=is_cut)


def without_passed_over(listing: Listing, table: TableSettings | None, prefix: str) -> Listing:
    """The listing without the objects that the table, or a future table of this prefix, passes over."""
    taken = tuple(one for one in listing.objects if not _is_passed_over(one.key, table, prefix))
    return replace(listing, objects=taken, passed_over=len(listing.objects) - len(taken))


def _is_passed_over(key: str, table: TableSettings | None, prefix: str) -> bool:
    reason = hidden_name(key, prefix) if table is None else reason_to_pass_over(table, key)
    return reason is not None


def spread(items: Sequence[ItemT], count: int) -> tuple[ItemT, ...]:
    """The first, the last and evenly spaced items between, `count` in all: the same for the same items."""
    if len(items) <= count:
        return tuple(items)
    if count == 1:
        return (items[0],)
    return tuple(items[place * (len(items) - 1) // (count - 1)] for place in range(count))


def extension_of(key: str) -> str:
    """The extension of a key's file, with that of its compression: `.csv.gz`; empty if there is none."""
    name = key.rpartition("/")[2]
    stem, dot, last = name.rpartition(".")
    if not dot or not stem or not last.isalnum():
        return ""
    if f".{last.lower()}" not in COMPRESSED:
        return f".{last}"
    below = extension_of(stem)
    return f"{below}.{last}"


COMPRESSED = frozenset({".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".lzma", ".zip"})


def _holds_no_rows(one: ObjectVersion) -> bool:
    return one.size_bytes == 0 or one.key.rpartition("/")[2] == SUCCESS
