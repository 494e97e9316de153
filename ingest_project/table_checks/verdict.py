"""What a check of a table came to, for whoever shows it: no object passes through here, people look on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from ingest_project.errors import IngestError
from ingest_project.settings.model import TableSettings

CheckName = Literal["bad_rows", "schema_drift", "freshness", "row_count", "dlq_empty"]
Severity = Literal["warn", "error"]
Cell = str | int | datetime | None


@dataclass(frozen=True, slots=True)
class Records:
    """Facts that are a table. Cells may be the words of strangers: names of columns, of objects."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]


Fact = str | int | float | datetime | Records


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a check has passed, and if not, how bad that is. `description` and keys of `facts` are our own words.

    A description holds nothing that changes by itself, like an age: two that are equal say that nothing has changed.
    """

    check: CheckName
    passed: bool
    severity: Severity
    description: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


def unknown(check: CheckName, error: Exception) -> Verdict:
    """The check could not be made. Of errors that are not ours no word is repeated: it may be a secret.

    The reason may quote strangers, so that it is a fact, which a page shows as it is.
    """
    from ingest_project.terminal import printable  # imports Rich, which Dagster's definitions do without

    if isinstance(error, IngestError):
        said, reason = error.error_class, printable(str(error))
    else:
        said = reason = type(error).__name__
    return Verdict(check, False, "warn", f"could not be checked: {said}", {"reason": reason})


def checks_of(table: TableSettings) -> tuple[CheckName, ...]:
    """The checks that the table has. Where bad rows fail their objects, no share of them is ever set aside."""
    wanted: dict[CheckName, bool] = {
        "bad_rows": table.checks.bad_row_share is not None and table.bad_rows == "quarantine",
        "schema_drift": table.checks.schema_drift,
        "freshness": table.checks.longest_silence is not None,
        "row_count": table.checks.row_count_anomaly,
        "dlq_empty": table.checks.dlq,
    }
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def length_in_words(length: timedelta) -> str:
    """`26 h`, `2.5 d`, `90 s`."""
    seconds = length.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"


def named(names: Iterable[str]) -> str:
    """`coupon, tip and 2 more`: names that are plain words; others are only counted, for a page might obey them."""
    all_names = list(names)
    shown = [name for name in all_names if name.isidentifier() and name.isascii() and len(name) < 40][:5]
    left = len(all_names) - len(shown)
    more = [f"{left} more" if shown else f"{left} of unusual names"] if left else []
    return " and ".join([part for part in (", ".join(shown), *more) if part])
