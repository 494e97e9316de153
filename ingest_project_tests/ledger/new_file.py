"""A new ledger as a copy: migrating one for each test would take longer than most tests."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest_project.ledger.ledger import Ledger


def new_ledger_file(path: Path) -> Path:
    """Writes what `Ledger` makes of a missing file: an empty ledger, private, of the newest schema."""
    path.touch(mode=0o600)
    path.write_bytes(_migrated())
    return path


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder, "ledger.db")
        Ledger(f"sqlite:///{file}").close()
        return file.read_bytes()
