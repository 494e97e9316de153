"""Takes values that have no column or do not fit it out of a line of NDJSON, with their text unchanged."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ingest_project.reading.formats.json.faults import DECODER, is_of_type
from ingest_project.reading.formats.json.members import members
from ingest_project.reading.values.json_nested import first_of_each_key
from ingest_project.reading.values.types import dtype_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """The members of a line that a table needs: `fields`, with their types.

    Columns may also be read from `paths`, which are names of members, or lead into the member of their first
    name. Members in `passed_over` are neither needed nor rescued.
    """

    fields: Mapping[str, str]
    paths: Collection[str] = ()
    passed_over: Collection[str] = ()

    def rescues(self, name: str, value: str) -> bool:
        """Whether a member with this JSON text has no column, or does not fit its column's type."""
        if value == "null" or name in self.paths or name in self.passed_over:
            return False
        return name not in self.fields or not is_of_type(json.loads(value), dtype_of(self.fields[name]))

    def is_read_below(self, name: str) -> bool:
        """Whether a column is read from within the member."""
        return name not in self.fields and any(path.partition(".")[0] == name for path in self.paths)


def without_misfits(line: bytes, wanted: Wanted) -> tuple[bytes, dict[str, str]]:
    """The line without the members that are rescued, and these by name with their JSON text.

    A member from within which a column is read also stays in the line. A line that is not a JSON object is
    returned as it is.
    """
    text = line.decode().strip()
    try:
        if not text.startswith("{") or not isinstance(DECODER.decode(text), dict):
            return line, {}
        found = first_of_each_key(members(text, 0))
    except (ValueError, RecursionError):
        return line, {}
    rescued = {
        name: text[start:end] for name, (start, end) in found.items() if wanted.rescues(name, text[start:end])
    }
    kept = (
        f"{json.dumps(name)}: {text[start:end]}"
        for name, (start, end) in found.items()
        if name not in rescued or wanted.is_read_below(name)
    )
    return ("{" + ", ".join(kept) + "}").encode(errors="surrogatepass") if rescued else line, rescued
