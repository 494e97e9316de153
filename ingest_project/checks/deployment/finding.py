"""The result of a check: one line for people, one entry for programs."""

from dataclasses import dataclass
from enum import StrEnum

from ingest_project.settings.secrets import without_secrets


class Level(StrEnum):
    """How bad it is. A `warning` may be intended; a `problem` prevents objects from being ingested."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What `check` found out about its subject, a queue, bucket, table or the like, and what to do."""

    check: str
    subject: str
    level: Level
    message: str
    remedy: str | None = None


def ok(check: str, subject: str, message: str) -> Finding:
    """All is well."""
    return _finding(check, subject, Level.OK, message, None)


def warning(check: str, subject: str, message: str, remedy: str) -> Finding:
    """Something to know: it works, but not as most people want it, or it cannot be seen whether it does."""
    return _finding(check, subject, Level.WARNING, message, remedy)


def problem(check: str, subject: str, message: str, remedy: str) -> Finding:
    """A finding that prevents ingestion."""
    return _finding(check, subject, Level.PROBLEM, message, remedy)


def _finding(check: str, subject: str, level: Level, message: str, remedy: str | None) -> Finding:
    """Without the secrets that URLs of the settings may hold, whoever quotes them."""
    cleared = None if remedy is None else without_secrets(remedy)
    return Finding(check, without_secrets(subject), level, without_secrets(message), cleared)
