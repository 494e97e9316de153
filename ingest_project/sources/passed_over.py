"""Which objects of a table's route are passed over by rule: hidden ones, and those that `exclude` names.

Spark, Hadoop, Databricks and others keep files beside their data whose name, or the name of a folder, begins
with `_` or `.`: `_SUCCESS`, `_committed_1`, `_temporary/0/part-0`, `.part-0.json.crc`. As in Spark,
`_date=2026-01-01/` is the folder of a partition, and not hidden.
"""

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from itertools import product

from ingest_project.settings.model import TableSettings


def reason_to_pass_over(table: TableSettings, key: str) -> str | None:
    """Why the table does not ingest an object on its route; None if it does."""
    if table.hidden_files == "skip" and (name := hidden_name(key, table.prefix)):
        return f"{name!r} in its key begins with {name[0]!r}, so it is hidden, and `hidden_files` is skip"
    below = key.removeprefix(table.prefix).lstrip("/")
    name = key.rpartition("/")[2]
    for pattern in table.exclude:
        matches = _compiled(pattern).fullmatch
        if matches(below) or matches(name):
            return f"`exclude` has the pattern {pattern!r}, which matches its key"
    return None


def hidden_name(key: str, prefix: str) -> str | None:
    """The first hidden name below the prefix, of a folder or of the object; None if there is none."""
    first, *others = key.removeprefix(prefix).split("/")
    is_whole = not prefix or prefix.endswith("/")  # else the prefix has a part of the first name
    return next((name for name in ([first] if is_whole else []) + others if is_hidden(name)), None)


def is_hidden(name: str) -> bool:
    """Whether Spark passes over a folder or an object of this name."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """`*` is any text, `?` one character, `**/` any number of folders; all other characters are literal.

    Uses fnmatch's expressions, whose time does not grow with a power of the key's length.
    """
    parts = pattern.split("**/")
    written = (
        parts[0] + "".join(map("".join, zip(joints, parts[1:], strict=True))) for joints in _joints(parts)
    )
    return re.compile("|".join(translate(one.replace("[", "[[]")) for one in written))


def _joints(parts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return product(("", "*/"), repeat=len(parts) - 1)
