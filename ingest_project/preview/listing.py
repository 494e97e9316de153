"""What a prefix holds: how much of it, and which of its objects are looked into."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.markers import SUCCESS

LIST_LIMIT = 100_000
"""Objects that one preview lists: a hundred requests. A prefix may hold millions."""

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects that were found, in S3's order of keys, and whether there are more.

    `objects` are those that may hold rows; `empty` counts folder markers, empty objects and marks of success, which
    settle with no rows.
    """

    objects: tuple[ObjectVersion, ...] = field(repr=False)
    empty: int
    is_cut: bool

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
    """A listing of at most `limit` objects, in the order of their keys, each key once and in its last version given."""
    items = iter(found)
    newest = {(one.bucket, one.key): one for one in islice(items, limit)}
    is_cut = next(items, None) is not None
    full = [one for _, one in sorted(newest.items()) if not _holds_no_rows(one)]
    return Listing(tuple(full), empty=len(newest) - len(full), is_cut=is_cut)


def spread(items: Sequence[ItemT], count: int) -> tuple[ItemT, ...]:
    """The first, the last and those evenly between, `count` in all: the same for the same items."""
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
