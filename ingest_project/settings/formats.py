"""The formats of a table's files, for the settings; `reading/formats/table.py` has their readers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

TableFormat = Literal["ndjson", "json", "csv", "parquet", "avro", "ipc", "orc", "excel", "text", "binary"]


@dataclass(frozen=True, slots=True)
class FormatKeys:
    """The keys of a table of this format: `options` is the key of its own options, if it has any.

    If the files have a header, one of the options is `header`, which may be false.
    `columns` are the format's fixed columns and their types; empty if the files have columns of their own.
    If the columns of the files `have_places`, one without a name is called by its place.
    """

    options: str | None = None
    has_header: bool = False
    have_places: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)


FORMAT_KEYS: Final[Mapping[TableFormat, FormatKeys]] = MappingProxyType(
    {
        "ndjson": FormatKeys(),
        "json": FormatKeys(options="json"),
        "csv": FormatKeys(options="csv", has_header=True, have_places=True),
        "parquet": FormatKeys(have_places=True),
        "avro": FormatKeys(),
        "ipc": FormatKeys(have_places=True),
        "orc": FormatKeys(have_places=True),
        "excel": FormatKeys(options="excel", has_header=True, have_places=True),
        "text": FormatKeys(columns={"line": "string", "line_number": "long"}),
        "binary": FormatKeys(
            columns={
                "content": "binary",
                "size_bytes": "long",
                "last_modified": "timestamptz",
                "content_sha256": "string",
            }
        ),
    }
)
FIXED_COLUMNS: Final[Mapping[TableFormat, Mapping[str, str]]] = MappingProxyType(
    {name: keys.columns for name, keys in FORMAT_KEYS.items() if keys.columns}
)
"""The columns of formats that have no others."""
