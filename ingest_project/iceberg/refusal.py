"""Translates a library's refusal of a table, or of rows for it, into our errors, which name the table."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError as ModelError

from ingest_project.errors import IngestError, TableMismatch
from ingest_project.iceberg.outage import is_outage
from ingest_project.settings.secrets import without_secrets

_LONGEST_REASON = 300


@contextmanager
def refusals(table: str, what: str, kind: type[TableMismatch] = TableMismatch) -> Iterator[None]:
    """Raises `kind` for what a library raises inside the block, with `what` and the library's message.

    Outages, MemoryError and our own errors pass unchanged.
    """
    try:
        yield
    except (IngestError, MemoryError):
        raise
    except Exception as error:  # PyIceberg, PyArrow and pydantic use about a dozen classes
        if is_outage(error):
            raise
        raise kind(table, f"{what}: {words_of(error)}") from error


def words_of(error: Exception) -> str:
    """A library's message in one line of printable text; for a pydantic error, its first fault."""
    model_error = error if isinstance(error, ModelError) else error.__cause__
    if isinstance(model_error, ModelError):
        fault = model_error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"]))
        return _printable(f"{place}: {fault['msg']}" if place else fault["msg"])
    first = (str(error).strip().splitlines() or [""])[0]
    return _printable(f"{type(error).__name__}: {first}" if first else type(error).__name__)


def _printable(text: str) -> str:
    printable = (one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return without_secrets("".join(printable))[:_LONGEST_REASON]
