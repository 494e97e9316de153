"""Reads opaque objects: a row for each, with its bytes as S3 stores them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import polars as pl

from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.parsed import Parsed


def read_bodies(bodies: Bodies) -> list[Parsed]:
    """A row for each object, in one frame."""
    return [read_whole_objects(bodies.texts, bodies.last_modified)]


def read_whole_objects(bodies: Sequence[bytes], last_modified: Sequence[datetime]) -> Parsed:
    """`content`, `size_bytes`, `last_modified` (UTC), `content_sha256` (hexadecimal) of each object that is
    not empty.
    """
    present = [(body, time) for body, time in zip(bodies, last_modified, strict=True) if body]
    frame = pl.DataFrame(
        {
            "content": [body for body, _ in present],
            "size_bytes": [len(body) for body, _ in present],
            "last_modified": [time for _, time in present],
            "content_sha256": [hashlib.sha256(body).hexdigest() for body, _ in present],
        },
        schema={
            "content": pl.Binary(),
            "size_bytes": pl.Int64(),
            "last_modified": pl.Datetime("us", "UTC"),
            "content_sha256": pl.String(),
        },
    )
    return Parsed(frame, tuple(1 if body else 0 for body in bodies))
