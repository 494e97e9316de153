"""Which columns of a preview an entry declares, under names that every table and engine accepts."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest_project.preview.column_naming import free_name, is_usable
from ingest_project.preview.columns import FoundColumn
from ingest_project.preview.yaml_text import can_be_key
from ingest_project.reading.values.types import dtype_of
from ingest_project.settings.column_types import type_fault
from ingest_project.settings.model import RESERVED_COLUMNS


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A column under its new name; an entry says `from` if its field has another name.

    `left_out` is why it is not declared; its type is then inferred when its first value arrives.
    """

    column: FoundColumn
    name: str
    left_out: str | None = None

    @property
    def is_renamed(self) -> bool:
        return self.name != self.column.name

    @property
    def is_dropped(self) -> bool:
        """Whether the field is passed over, because no column can hold it."""
        return self.column.remedy == "drop"


def declared_columns(columns: Sequence[FoundColumn], *, all_fields: bool) -> tuple[DeclaredColumn, ...]:
    """All columns in their order.

    With `all_fields`, as files without a header need it, columns without a type are declared too.
    """
    taken = {name.lower() for name in RESERVED_COLUMNS}
    names = {one.name for one in columns}
    declared: list[DeclaredColumn] = []
    for place, one in enumerate(columns, start=1):
        reason = None if one.type is None and all_fields else _left_out(one)
        usable = is_usable(one.name, taken, names)
        name = one.name if usable else free_name(one.name, taken, place=place)
        if reason is None:
            taken.add(name.lower())
        declared.append(DeclaredColumn(one, name if reason is None else one.name, reason))
    return tuple(declared)


def _left_out(column: FoundColumn) -> str | None:
    if column.type is None and column.remedy != "drop":
        return "; ".join(column.notes) or "it has no type yet"
    if not can_be_key(column.name):
        return "its name cannot be written here; its objects fail until it is renamed in the files"
    if column.type is None:
        return None
    if fault := type_fault(column.type):
        return fault
    try:
        dtype_of(column.type)
    except ValueError:
        return "objects cannot be read into this type"
    return None
