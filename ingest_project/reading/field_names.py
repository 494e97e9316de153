"""Decides how undeclared names are spelled if case does not count, before objects are read.

The decision holds for all objects that are read together. So nothing changes if they are read one by one
because one of them fails. The first spelling counts, in the order of the objects and of their text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl
import pyarrow as pa

from ingest_project.errors import ObjectError
from ingest_project.reading.content import Content
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parse import Reading

UNREADABLE = (ObjectError, pa.ArrowException, OSError, ValueError, NotImplementedError)


def with_spelling(contents: Sequence[Content], reading: Reading) -> Reading:
    """The reading with one spelling of each name; the same reading if case counts."""
    target = reading.target
    if target.spelling is None or target.rescues:  # what is rescued stays as it is written
        return reading
    bodies = (body for content in contents for body in content.bodies)
    names = (name for body in bodies for name in _names(body, reading))
    return replace(reading, target=replace(target, spelling=target.spelling.with_names(names)))


def _names(body: bytes | pl.DataFrame, reading: Reading) -> Iterator[str]:
    """The names of a file's fields; none if it is unreadable, which its reader reports."""
    if isinstance(body, pl.DataFrame):
        yield from body.columns
        return
    try:
        yield from FORMATS[reading.format].names_in(body, reading.options) if body else ()
    except UNREADABLE:
        return
