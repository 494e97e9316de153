"""What must be in the tables once everything is in: known from what was uploaded alone, not from what ingested it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingest_project.demo.sample_data import Upload
from ingest_project.demo.table_rows import SourceRows

SHOWN = 3
"""Objects that a difference names one by one."""


@dataclass(frozen=True, slots=True)
class ExpectedObject:
    """The one write of a key that counts, and its rows."""

    etag: str
    rows: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """Per table, the objects that must be in it, by URI; and how many objects cannot be read."""

    tables: Mapping[str, Mapping[str, ExpectedObject]]
    unreadable: int

    def rows(self, table: str) -> int:
        """How many rows the table must have."""
        return sum(one.rows for one in self.tables[table].values())

    def objects(self, table: str) -> int:
        """How many objects those rows come from."""
        return len(self.tables[table])

    def differences(self, table: str, found: Iterable[SourceRows]) -> list[str]:
        """A line for each way in which the table's rows are not those that it must have; empty if it is exact."""
        expected = {(uri, one.etag): one.rows for uri, one in self.tables[table].items()}
        actual: dict[tuple[str, str], int] = {}
        for one in found:
            actual[one.uri, one.version] = actual.get((one.uri, one.version), 0) + one.rows
        missing = sorted(uri for uri, etag in expected.keys() - actual.keys())
        surplus = sorted(uri for uri, etag in actual.keys() - expected.keys())
        wrong = [
            f"{uri} ({actual[uri, etag]} instead of {rows})"
            for (uri, etag), rows in sorted(expected.items())
            if (uri, etag) in actual and actual[uri, etag] != rows
        ]
        cases = {
            "rows are missing of": missing,
            "rows should not be there of": surplus,
            "rows are wrong of": wrong,
        }
        return [f"{table}: {what} {_named(names)}" for what, names in cases.items() if names]


def expectation(uploads: Iterable[Upload], *, bucket: str, tables: Iterable[str]) -> Expectation:
    """What these uploads, in their order, must come to: of several writes of one key the last one counts."""
    expected: dict[str, dict[str, ExpectedObject]] = {table: {} for table in tables}
    unreadable = 0
    for upload in uploads:
        if upload.rows is None:
            unreadable += 1
            continue
        uri = f"s3://{bucket}/{upload.key}"
        expected[upload.table][uri] = ExpectedObject(_etag(upload.body), upload.rows)
    return Expectation(expected, unreadable)


def _etag(body: bytes) -> str:
    """The eTag that S3 gives a plain upload."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _named(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    noun = "object" if len(names) == 1 else "objects"
    return f"{len(names)} {noun}: {', '.join(names[:SHOWN])}{more}"
