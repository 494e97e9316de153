"""Where a field is in a table's schema: from its column down to itself."""

from pyiceberg.schema import Schema
from pyiceberg.types import NestedField


def field_path(schema: Schema, field_id: int) -> list[NestedField]:
    """The column, then the fields within it, down to the field of this id."""
    path = [schema.find_field(field_id)]
    parents = schema._lazy_id_to_parent
    while path[0].field_id in parents:
        path.insert(0, schema.find_field(parents[path[0].field_id]))
    return path
