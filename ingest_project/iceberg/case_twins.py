"""Finds columns of a table that differ by case only, for tables whose files may write names in any case."""

from collections.abc import Iterator, Mapping

from ingest_project.errors import TableMismatch
from ingest_project.settings.model import TableSettings

REMEDY = "rename or drop one of them, or remove case_insensitive"


def case_faults(settings: TableSettings, actual: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Faults of a case-insensitive table with these columns, each with its remedy."""
    if not settings.case_insensitive:
        return
    earlier: dict[str, str] = {}
    for name in actual:
        other = earlier.setdefault(name.casefold(), name)
        if other != name:
            yield (
                f"its columns {other!r} and {name!r} differ by case only, and files may write either",
                REMEDY,
            )
    for name in settings.column_types or {}:
        other = earlier.get(name.casefold(), name)
        if other != name and name not in actual:
            reason = f"column {name!r} is declared, and the table has it as {other!r}: case does not count"
            yield reason, f"declare it as {other!r}, or rename the table's column"


def refuse_case_twins(settings: TableSettings, actual: Mapping[str, str]) -> None:
    """Raises TableMismatch for the first of `case_faults`."""
    if (first := next(case_faults(settings, actual), None)) is not None:
        raise TableMismatch(settings.name, "; ".join(first))
