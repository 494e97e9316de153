"""A bucket that holds what a test puts there, and previews of it."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from ingest_project.preview.columns import FoundColumn
from ingest_project.preview.preview import Asked, Preview, preview_prefix
from ingest_project.services import Services
from ingest_project_tests.factories import aws_of
from ingest_project_tests.landing import BUCKET, Landing
from ingest_project_tests.reading import archives


class Bucket:
    """A landing zone whose settings have no table on the way of what is previewed."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.landing = Landing(folder, endpoint)
        self.landing.create()

    @property
    def services(self) -> Services:
        services = self.landing.services()
        services.aws = aws_of(self.landing.endpoint)
        return services

    def put(self, key: str, body: bytes) -> None:
        self.landing.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def preview(self, prefix: str, **asked: Any) -> Preview:
        return preview_prefix(self.services, BUCKET, prefix, Asked(**asked))


def ndjson(*rows: dict[str, Any]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def written(write: Callable[[io.BytesIO], Any]) -> bytes:
    """What this writes into a file."""
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def parquet(**columns: Any) -> bytes:
    return written(pl.DataFrame(columns).write_parquet)


def zipped(*members: bytes) -> bytes:
    """A zip archive of files called m0.x, m1.x and so on."""
    return archives.zipped({f"m{number}.x": body for number, body in enumerate(members)})


def types(preview: Preview) -> dict[str, str | None]:
    """The suggested type of each column."""
    return {one.name: one.type for one in preview.columns}


def column(preview: Preview, name: str) -> FoundColumn:
    (found,) = [one for one in preview.columns if one.name == name]
    return found


def problems(preview: Preview) -> dict[str, str]:
    """Why objects could not be read, by key."""
    return {one.key: one.problem for one in preview.objects if one.problem is not None}
