"""Names for what is previewed: the prefix that objects share, and the table for them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingest_project.settings.model import TableSettings
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.passed_over import is_hidden

DATED = re.compile(r".*=|[0-9]|.*[0-9]{4}")
"""A folder of a partition, `dt=2026-11-20` or `2026`: not a part of the data's name."""
MAX_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A prefix of a bucket, and the table of the settings that takes its objects, if there is one."""

    bucket: str
    prefix: str
    suffix: str = ""
    table: TableSettings | None = field(default=None, compare=False)

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def taking(tables: Iterable[TableSettings], objects: Sequence[ObjectVersion]) -> TableSettings | None:
    """The only table whose route takes all of these objects; None if none or several do."""
    found = [
        table
        for table in tables
        if objects
        and all(
            one.bucket == table.bucket and one.key.startswith(table.prefix) and one.key.endswith(table.suffix)
            for one in objects
        )
    ]
    return found[0] if len(found) == 1 else None


def groups(
    objects: Sequence[ObjectVersion], tables: Sequence[TableSettings]
) -> dict[Place, tuple[ObjectVersion, ...]]:
    """The objects by the table that takes them, else by the folders above their partitions."""
    found: dict[Place, list[ObjectVersion]] = {}
    for one in objects:
        table = taking(tables, [one])
        place = (
            Place(one.bucket, table.prefix, table.suffix, table)
            if table
            else Place(one.bucket, folder_of(one.key))
        )
        found.setdefault(place, []).append(one)
    return {place: tuple(members) for place, members in found.items()}


def folder_of(key: str) -> str:
    """The folders of a key above the first that looks like a partition or is hidden, with a final slash."""
    folders: list[str] = []
    for folder in key.split("/")[:-1]:
        if DATED.match(folder) or (folders and is_hidden(folder)):
            break
        folders.append(folder)
    return "".join(f"{folder}/" for folder in folders)


def whole_folder(prefix: str, objects: Sequence[ObjectVersion]) -> str:
    """The prefix, with a final slash if all objects are in that folder, so `orders` excludes `orders2`."""
    folder = f"{prefix}/"
    if prefix and not prefix.endswith("/") and objects and all(one.key.startswith(folder) for one in objects):
        return folder
    return prefix


def table_name(bucket: str, prefix: str) -> str:
    """A valid table name of the last two folders; the bucket and `objects` replace missing folders."""
    folders = [word for folder in folder_of(f"{prefix.rstrip('/')}/").split("/") if (word := _word(folder))]
    namespace, name = ([_word(bucket) or "landing", *(folders or ["objects"])])[-2:]
    return f"{namespace}.{name}"


def _word(text: str) -> str:
    word = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_").lower()[:MAX_NAME_CHARACTERS]
    return f"t_{word}" if word[:1].isdigit() else word
