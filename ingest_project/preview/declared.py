"""Which columns of a preview an entry declares, and under which names: those that any table and engine can have."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest_project.objects.types import dtype_of
from ingest_project.preview.columns import FoundColumn
from ingest_project.preview.yaml_text import can_be_key
from ingest_project.settings.column_types import type_fault
from ingest_project.settings.model import RESERVED_COLUMNS

MAX_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A column under the name that it gets, `from` its field if that is called otherwise.

    `left_out` is why it is not declared; it is then inferred when its first value arrives.
    """

    column: FoundColumn
    name: str
    left_out: str | None = None

    @property
    def is_renamed(self) -> bool:
        return self.name != self.column.name


def declared_columns(columns: Sequence[FoundColumn], *, all_fields: bool) -> tuple[DeclaredColumn, ...]:
    """All columns in their order. With `all_fields`, as CSV without a header needs, those of no type are declared too."""
    taken = {name.lower() for name in RESERVED_COLUMNS}
    names = {one.name for one in columns}
    declared: list[DeclaredColumn] = []
    for one in columns:
        reason = None if one.type is None and all_fields else _left_out(one)
        name = one.name if _is_usable(one.name, taken, names) else _free_name(one.name, taken)
        if reason is None:
            taken.add(name.lower())
        declared.append(DeclaredColumn(one, name if reason is None else one.name, reason))
    return tuple(declared)


def _left_out(column: FoundColumn) -> str | None:
    if column.type is None:
        return "; ".join(column.notes) or "it has no type yet"
    if not column.name.strip() or not can_be_key(column.name):
        return "its name cannot be written here; its objects fail until it is renamed in the files"
    if fault := type_fault(column.type):
        return fault
    try:
        dtype_of(column.type)
    except ValueError:
        return "objects cannot be read into this type"
    return None


def _is_usable(name: str, taken: set[str], names: set[str]) -> bool:
    first, dot, _ = name.partition(".")
    return name.lower() not in taken and name.isprintable() and not (dot and first in names)


def _free_name(name: str, taken: set[str]) -> str:
    word = re.sub(r"\W+", "_", name).strip("_")[:MAX_NAME_CHARACTERS]
    wanted = word if re.match("[^0-9]", word) else f"column_{word}".rstrip("_")
    number, free = 1, wanted
    while free.lower() in taken:
        number += 1
        free = f"{wanted}_{number}"
    return free
