"""Turns an unexpected exception, raised while one object is fetched or read, into a failure of that object.

A bug in a reader, a panic of a library or a lack of memory must not stop the other objects of the batch.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from ingest_project.errors import IngestError, ObjectFaultUnknown
from ingest_project.sources.exhausted import exhausted_fault

PACKAGE = Path(__file__).parents[1]


@contextmanager
def unforeseen_as_fault(uri: str) -> Iterator[None]:
    """Raises ObjectFaultUnknown for unexpected exceptions, but not for ours or those that end the process.

    If the machine ran out of disk or file descriptors, raises ObjectOutOfResources instead.
    """
    try:
        yield
    except IngestError as error:
        if exhausted := exhausted_fault(uri, error):
            raise exhausted from error
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not _is_panic(error):
            raise
        if exhausted := exhausted_fault(uri, error):
            raise exhausted from error
        # Its text, and those of its causes, may quote the object.
        raise ObjectFaultUnknown(uri, f"{type(error).__name__} at {_place(error.__traceback__)}") from None


def _is_panic(error: BaseException) -> bool:
    """Whether it is a panic of a Rust library; each library has its own class, which is not an Exception."""
    return type(error).__name__ == "PanicException"


def _place(trace: TracebackType | None) -> str:
    """The innermost line of our code, such as `reading/formats/csv/reader.py:31`."""
    ours = [
        f"{Path(frame.filename).relative_to(PACKAGE)}:{frame.lineno}"
        for frame in traceback.extract_tb(trace)
        if Path(frame.filename).is_relative_to(PACKAGE)
    ]
    return ours[-1] if ours else "an unknown place"
