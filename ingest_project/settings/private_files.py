"""Makes the files of this project readable only for the user it runs as.

The ledger has receipt handles, with which others who may call SQS could delete messages, and Dagster's
storage has logs. So neither the umask nor the mode that an older version used decides who may read them.
"""

import os
import stat
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private_folder(folder: Path) -> None:
    """Creates the folder and its parents if missing. An existing one keeps its mode: it may be shared."""
    if folder.is_dir():
        return
    folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)


def make_private(*files: Path) -> None:
    """Removes the rights of others from those of these files that exist and are ours.

    Uses the path and never opens the file: closing any descriptor of a SQLite file ends this process's locks
    on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    for file in files:
        try:
            status = file.stat()
            if status.st_uid == os.geteuid() and status.st_mode & OTHERS:
                file.chmod(FILE_MODE)
        except FileNotFoundError:
            continue


def with_side_files(database: Path) -> tuple[Path, ...]:
    """A SQLite file and those that SQLite keeps beside it, which get its mode when they are created."""
    return (database, *(database.with_name(f"{database.name}-{part}") for part in ("wal", "shm", "journal")))
