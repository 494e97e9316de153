"""Takes out of a line of NDJSON what has no column or is none of its column's type, its text unchanged."""

import json
from collections.abc import Mapping

from ingest_project.objects.json_members import members
from ingest_project.objects.json_nested import first_of_each_key
from ingest_project.objects.ndjson_faults import DECODER, is_of_type
from ingest_project.objects.types import dtype_of


def without_misfits(line: bytes, fields: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The line without the members that no field takes as they are, and these by name, with their JSON text.

    A line that is no JSON object comes back as it is.
    """
    text = line.decode().strip()
    try:
        if not text.startswith("{") or not isinstance(DECODER.decode(text), dict):
            return line, {}
        found = first_of_each_key(members(text, 0))
    except (ValueError, RecursionError):
        return line, {}
    rescued = {
        name: text[start:end]
        for name, (start, end) in found.items()
        if text[start:end] != "null" and not _fits(name, text[start:end], fields)
    }
    kept = (
        f"{json.dumps(name)}: {text[start:end]}"
        for name, (start, end) in found.items()
        if name not in rescued
    )
    return ("{" + ", ".join(kept) + "}").encode(errors="surrogatepass") if rescued else line, rescued


def _fits(name: str, value: str, fields: Mapping[str, str]) -> bool:
    return name in fields and is_of_type(json.loads(value), dtype_of(fields[name]))
