"""Turns what nobody foresaw, raised while one object is fetched or read, into a failure of that object.

A bug in a reader, a panic of a library or memory that runs out must not stop the others of its batch.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from ingest_project.errors import IngestError, ObjectFaultUnknown

PACKAGE = Path(__file__).parents[1]


@contextmanager
def unforeseen_as_fault(uri: str) -> Iterator[None]:
    """Raises ObjectFaultUnknown for what nobody foresaw; our own errors, and what ends the process, pass."""
    try:
        yield
    except IngestError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not _is_panic(error):
            raise
        # Its text, and the texts of its causes, may quote the object.
        raise ObjectFaultUnknown(uri, f"{type(error).__name__} at {_place(error.__traceback__)}") from None


def _is_panic(error: BaseException) -> bool:
    """A panic of a Rust library; each library has a class of its own, and none of them is an Exception."""
    return type(error).__name__ == "PanicException"


def _place(trace: TracebackType | None) -> str:
    """The innermost line of ours, `objects/csv/reader.py:31`."""
    ours = [
        f"{Path(frame.filename).relative_to(PACKAGE)}:{frame.lineno}"
        for frame in traceback.extract_tb(trace)
        if Path(frame.filename).is_relative_to(PACKAGE)
    ]
    return ours[-1] if ours else "an unknown place"
