"""Takes out of a line of NDJSON what has no column or is none of its column's type, its text unchanged."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ingest_project.objects.json.faults import DECODER, is_of_type
from ingest_project.objects.json.members import members
from ingest_project.objects.values.json_nested import first_of_each_key
from ingest_project.objects.values.types import dtype_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """The members of a line that a table has a use for: `fields`, with the types that they must be of.

    Columns may be read from `paths`, which are whole names or lead into the member that their first name names. What is
    in `passed_over` is of no use, and not rescued either.
    """

    fields: Mapping[str, str]
    paths: Collection[str] = ()
    passed_over: Collection[str] = ()

    def rescues(self, name: str, value: str) -> bool:
        """Whether a member with this JSON text has no column, or is none of its column's type."""
        if value == "null" or name in self.paths or name in self.passed_over:
            return False
        return name not in self.fields or not is_of_type(json.loads(value), dtype_of(self.fields[name]))

    def is_read_below(self, name: str) -> bool:
        """Whether a column is read from within the member, whatever becomes of it as a whole."""
        return name not in self.fields and any(path.partition(".")[0] == name for path in self.paths)


def without_misfits(line: bytes, wanted: Wanted) -> tuple[bytes, dict[str, str]]:
    """The line without the members that no column takes as they are, and these by name, with their JSON text.

    One that a column is read from within stays and is given, too. A line that is no JSON object comes back as it is.
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
