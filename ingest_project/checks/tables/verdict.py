"""The verdict of a check of a table, without Dagster's types."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from ingest_project.errors import IngestError
from ingest_project.settings.model import TableSettings

CheckName = Literal[
    "failed_objects", "bad_rows", "schema_drift", "freshness", "row_count", "dlq_empty", "reconciled"
]
QueueCheckName = Literal["jobs_stuck"]
"""The checks of a queue, not of a table."""
Severity = Literal["warn", "error"]
Cell = str | int | datetime | None


@dataclass(frozen=True, slots=True)
class Records:
    """Facts that are a table. Cells may be untrusted text: names of columns, of objects."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]


Fact = str | int | float | datetime | Records


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a check has passed, and if not, how bad that is. `description` and keys of `facts` are our own
    texts.

    A description does not contain anything that changes with time, like an age: if two are equal, nothing has
    changed.
    """

    check: CheckName | QueueCheckName
    passed: bool
    severity: Severity
    description: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


def unknown(check: CheckName | QueueCheckName, error: Exception) -> Verdict:
    """The verdict of a check that could not be made. Messages of other errors than ours are left out: they
    may be secret.

    The reason may quote untrusted text, so it is a fact, which a page shows as plain text.
    """
    from ingest_project.reports.terminal import (
        printable,  # imports Rich, which Dagster's definitions do without
    )

    if isinstance(error, IngestError):
        said, reason = error.error_class, printable(str(error))
    else:
        said = reason = type(error).__name__
    return Verdict(check, False, "warn", f"could not be checked: {said}", {"reason": reason})


def checks_of(table: TableSettings) -> tuple[CheckName, ...]:
    """The checks that the table has. `bad_rows` needs a quarantine, and `reconciled` a schedule."""
    wanted: dict[CheckName, bool] = {
        "failed_objects": table.checks.failed_objects,
        "bad_rows": table.checks.bad_row_share is not None and table.bad_rows == "quarantine",
        "schema_drift": table.checks.schema_drift,
        "freshness": table.checks.longest_silence is not None,
        "row_count": table.checks.row_count_anomaly,
        "dlq_empty": table.checks.dlq,
        "reconciled": table.reconcile is not None,
    }
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def checks_at_any_time(table: TableSettings) -> tuple[CheckName, ...]:
    """The checks of the table that are cheap enough to be made every few minutes: not that which lists S3."""
    return tuple(name for name in checks_of(table) if name != "reconciled")


def length_in_words(length: timedelta) -> str:
    """`26 h`, `2.5 d`, `90 s`."""
    seconds = length.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"


def named(names: Iterable[str]) -> str:
    """`coupon, tip and 2 more`: only plain words are shown, as a page might render other names."""
    all_names = list(names)
    shown = [name for name in all_names if name.isidentifier() and name.isascii() and len(name) < 40][:5]
    left = len(all_names) - len(shown)
    more = [f"{left} more" if shown else f"{left} of unusual names"] if left else []
    return " and ".join([part for part in (", ".join(shown), *more) if part])
