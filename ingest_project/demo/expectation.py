"""The rows that the tables must have in the end, computed only from the uploads."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ingest_project.demo.sample_data import EVENTS, EVENTS_QUEUE, Upload
from ingest_project.demo.table_rows import SourceRows
from ingest_project.settings.model import QUARANTINE_SUFFIX

SHOWN = 3
"""How many objects a difference names."""


@dataclass(frozen=True, slots=True)
class ExpectedObject:
    """The one write of a key that counts, and its rows."""

    etag: str
    rows: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """The objects, by URI, whose rows each table and quarantine must have; and how many are unreadable."""

    tables: Mapping[str, Mapping[str, ExpectedObject]]
    unreadable: int

    def rows(self, table: str) -> int:
        """How many rows the table, or the quarantine, must have."""
        return sum(one.rows for one in self.tables[table].values())

    def objects(self, table: str) -> int:
        """How many objects those rows come from."""
        return len(self.tables[table])

    def differences(self, table: str, found: Iterable[SourceRows]) -> list[str]:
        """A line for each kind of difference between the table's rows and the expected ones."""
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


def expectation(
    uploads: Iterable[Upload],
    *,
    bucket: str,
    tables: Iterable[str],
    messages: Mapping[str, str] = MappingProxyType({}),
) -> Expectation:
    """The expectation for these uploads, in their order: of several writes of one key the last one counts.

    `messages` are the bodies of raw messages by their ids.
    """
    expected: dict[str, dict[str, ExpectedObject]] = {}
    for table in tables:
        expected |= {table: {}, quarantine_of(table): {}}
    unreadable = 0
    for upload in uploads:
        if upload.rows is None:
            unreadable += 1
            continue
        uri = f"s3://{bucket}/{upload.key}"
        expected[upload.table][uri] = ExpectedObject(_etag(upload.body), upload.rows)
        expected[quarantine_of(upload.table)].pop(uri, None)
        if upload.bad_rows:
            expected[quarantine_of(upload.table)][uri] = ExpectedObject(_etag(upload.body), upload.bad_rows)
    for message_id, body in messages.items():
        uri = f"sqs://{EVENTS_QUEUE}/{message_id}"
        expected[EVENTS][uri] = ExpectedObject(_etag(body.encode()), rows=1)
    return Expectation(expected, unreadable)


def quarantine_of(table: str) -> str:
    """The Iceberg table of this table's bad rows."""
    return f"{table}{QUARANTINE_SUFFIX}"


def _etag(body: bytes) -> str:
    """The eTag that S3 computes for a plain upload."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _named(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    noun = "object" if len(names) == 1 else "objects"
    return f"{len(names)} {noun}: {', '.join(names[:SHOWN])}{more}"
