"""Makes names that every table and engine accepts, for fields whose own names are not usable."""

import re
from collections.abc import Collection, Sequence

from ingest_project.settings.model import RESERVED_COLUMNS

MAX_NAME_CHARACTERS = 60


def is_usable(name: str, taken: Collection[str], fields: Collection[str]) -> bool:
    """Whether a column may have the name of its field.

    `taken` are names in lower case, `fields` all fields of the files.
    """
    first, dot, _ = name.partition(".")
    return (
        bool(name.strip())
        and name.lower() not in taken
        and name.isprintable()
        and not (dot and first in fields)
    )


def free_name(name: str, taken: Collection[str], *, place: int) -> str:
    """A similar name of letters, digits and underscores; `column_3` if the name has none of these."""
    word = re.sub(r"\W+", "_", name).strip("_")[:MAX_NAME_CHARACTERS] or str(place)
    wanted = word if re.match("[^0-9]", word) else f"column_{word}"
    number, free = 1, wanted
    while free.lower() in taken:
        number += 1
        free = f"{wanted}_{number}"
    return free


def usable_names(names: Sequence[str]) -> tuple[str, ...]:
    """A usable name for each of these, in their order."""
    taken = {name.lower() for name in RESERVED_COLUMNS}
    found: list[str] = []
    for place, name in enumerate(names, start=1):
        own = name if is_usable(name, taken, names) else free_name(name, taken, place=place)
        taken.add(own.lower())
        found.append(own)
    return tuple(found)
