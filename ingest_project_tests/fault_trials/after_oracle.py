"""The judge of `after`: what S3 holds of each object once everything is at rest.

Whatever was killed, an object whose rows are in the table is tagged, moved or deleted, and just that write: a
newer one of its key stays untouched, and so does an object of which a row is in quarantine.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest_project_tests.fault_trials.workload import Write

TAGGED = {"ingested": "true"}


@dataclass(frozen=True, slots=True)
class Stored:
    """What S3 holds under a key: the eTag and tags of the current object, if there is one.

    `tags_of_version`: those of the version that was ingested, in a bucket with versions; `keeps_version`:
    whether that version is there, or the bucket has none. `copies`: the eTags of its copies in the archive.
    """

    etag: str | None
    tags: Mapping[str, str]
    tags_of_version: Mapping[str, str] | None
    copies: tuple[str, ...]
    keeps_version: bool


def judge_objects(
    kind: str, landed: Sequence[Write], overwritten: Mapping[str, Write], stored: Sequence[Stored]
) -> list[str]:
    """What is wrong, object by object."""
    return [
        f"after {kind}: {write.uri}: {fault}: {found}"
        for write, found in zip(landed, stored, strict=True)
        for fault in _faults(kind, write, overwritten.get(write.key), found)
    ]


def _faults(kind: str, write: Write, newer: Write | None, found: Stored) -> Iterator[str]:
    is_touched = not write.bad_lines
    if not found.keeps_version:
        yield "its version was removed"
    if newer is not None:
        yield from _faults_of_newer(kind, write, newer, found)
        return
    takes_away = is_touched and kind in {"move", "delete"}
    if found.etag != (None if takes_away else write.etag):
        yield "it is not there" if found.etag is None else "it is there"
    if not takes_away and found.tags != (TAGGED if is_touched and kind == "tag" else {}):
        yield "it has other tags"
    if found.copies != ((write.etag,) if takes_away and kind == "move" else ()):
        yield "the archive has other copies of it"


def _faults_of_newer(kind: str, write: Write, newer: Write, found: Stored) -> Iterator[str]:
    """An action that came first, on the older write, is none of the newer one's."""
    if found.etag != newer.etag:
        yield f"the write that nobody has ingested ({newer.etag}) is not what the key holds"
    if found.tags:
        yield "the newer write is tagged"
    if any(one != write.etag for one in found.copies) or len(found.copies) > (kind == "move"):
        yield "the archive has other copies of it"
