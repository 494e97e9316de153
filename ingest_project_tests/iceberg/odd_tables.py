"""Tables as other engines leave them: PyIceberg cannot create such tables, so their metadata is edited."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingest_project.iceberg.catalog import Lake

Metadata = dict[str, Any]
Edit = Callable[[Metadata], None]


def edit_table(lake: Lake, name: str, *edits: Edit) -> None:
    """Changes the table's newest metadata file in place."""
    location = lake._catalog().load_table(name).metadata_location
    path = Path(urlsplit(location).path)
    metadata = json.loads(path.read_text())
    for edit in edits:
        edit(metadata)
    path.write_text(json.dumps(metadata))


def properties(values: Mapping[str, str]) -> Edit:
    return lambda metadata: metadata["properties"].update(values)


def of_version_3(metadata: Metadata) -> None:
    """As Spark makes it of a table that is upgraded."""
    metadata |= {"format-version": 3, "next-row-id": 0}


def partitioned_by(*fields: Metadata) -> Edit:
    """The spec with these fields, each with `source-id`, `transform` and `name`."""

    def edit(metadata: Metadata) -> None:
        numbered = [{**field, "field-id": 1000 + place} for place, field in enumerate(fields)]
        metadata["partition-specs"][0]["fields"] = numbered
        metadata["last-partition-id"] = 999 + len(fields)

    return edit


def column(name: str, field_type: object, *, required: bool = False, default: object = None) -> Edit:
    """A further column; ids of nested types begin at 50, its own is 40 or the next free one."""
    defaults = {} if default is None else {"initial-default": default, "write-default": default}

    def edit(metadata: Metadata) -> None:
        fields = metadata["schemas"][-1]["fields"]
        field_id = max(40, *(field["id"] + 1 for field in fields))
        fields.append({"id": field_id, "name": name, "type": field_type, "required": required, **defaults})
        metadata["last-column-id"] = 99

    return edit


def required(name: str) -> Edit:
    """A column of the table that may not be null."""

    def edit(metadata: Metadata) -> None:
        (field,) = (one for one in metadata["schemas"][-1]["fields"] if one["name"] == name)
        field["required"] = True

    return edit


def sorted_by(*fields: Metadata) -> Edit:
    """The sort order with these fields, each with `source-id` and `transform`."""
    order = [{"direction": "asc", "null-order": "nulls-first", **field} for field in fields]
    return lambda metadata: metadata.update(
        {"sort-orders": [{"order-id": 1, "fields": order}], "default-sort-order-id": 1}
    )
