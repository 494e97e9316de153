"""Reads workbooks, and shows what came of them."""

from typing import Any

import polars as pl

from ingest_project.reading.format_options import ExcelLayout, FormatOptions
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult
from ingest_project.reading.target import Target
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons


def excel(
    *bodies: bytes, columns: dict[str, str] | None = None, layout: ExcelLayout | None = None
) -> ReadResult:
    options = FormatOptions(excel=layout or ExcelLayout())
    return read(*bodies, columns=columns, file_format="excel", options=options)


def quarantined(
    *bodies: bytes, target: Target | None = None, layout: ExcelLayout | None = None
) -> ReadResult:
    options = FormatOptions(excel=layout or ExcelLayout())
    reading = Reading("excel", target or Target(None), options, quarantines=True)
    return read_objects(fetched(*bodies), reading)


def rows(result: ReadResult) -> list[tuple[Any, ...]]:
    assert result.frame is not None, reasons(result)
    return result.frame.select(pl.exclude("_source_uri", "_source_version")).rows()


def bad(result: ReadResult) -> list[tuple[int, str]]:
    assert result.rejected is not None, reasons(result)
    return list(result.rejected.select("line_number", "reason").iter_rows())
