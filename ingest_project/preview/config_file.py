"""Adds a table to ingest.yaml: the new file is validated before it replaces the old one, atomically."""

import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ingest_project.errors import SettingsError
from ingest_project.preview.insertion import insertion
from ingest_project.settings.load import load_settings
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.settings.rules import route_faults

BYTE_ORDER_MARK = "\ufeff"


def add_table(path: Path, lines: Sequence[str]) -> None:
    """Adds these lines as a table at the end of `tables`; all other bytes and the mode of the file are kept.

    The file is replaced atomically; a symbolic link is followed. Raises SettingsError, and changes nothing,
    if the place of the entry is not certain, if the file would not load with it, or if it cannot be written.
    """
    target = path.resolve()
    try:
        before = target.read_bytes()
        text = before.decode("utf-8")
        mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
        edit = insertion(text.removeprefix(mark), lines)
        after = (mark + edit.applied(text.removeprefix(mark))).encode()
        _replace(path, target, before, after)
    except ValueError as error:
        raise SettingsError([f"{path}: {error}; nothing was written"]) from error
    except OSError as error:
        raise SettingsError(
            [
                (
                    f"{path}: cannot be written ({error.strerror}); "
                    "copy the entry that --write would add from --json"
                )
            ]
        ) from error


def refuse_taken(settings: Settings, table: TableSettings) -> None:
    """Raises SettingsError if the settings have a table of this name, or one whose route overlaps."""
    same = next((one for one in settings.tables if one.name.lower() == table.name.lower()), None)
    if same is not None:
        raise SettingsError(
            [
                (
                    f"the settings have a table {same.name} already; "
                    "give another name with --table, or edit that entry"
                )
            ]
        )
    for other in settings.tables:
        if any(route_faults({0: other, 1: table})):
            of_other = f"{other.name} ({other.source}) on queue {table.queue}"
            overlap = f"the route {table.source} overlaps that of {of_other}"
            remedy = "preview a prefix that excludes it, or narrow that table's first"
            raise SettingsError([f"{overlap}, so an object could belong to both; {remedy}"])


def _replace(path: Path, target: Path, before: bytes, after: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    candidate = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        candidate.chmod(stat.S_IMODE(target.stat().st_mode))
        _check(candidate, path)
        if target.read_bytes() != before:
            raise ValueError("another process changed it in the meantime; try again")
        candidate.replace(target)
    finally:
        candidate.unlink(missing_ok=True)


def _check(candidate: Path, path: Path) -> None:
    try:
        load_settings(candidate)
    except SettingsError as error:
        problems = [
            problem.replace(str(candidate), f"{path} with the new entry") for problem in error.problems
        ]
        raise SettingsError([*problems, f"{path}: nothing was written"]) from error
