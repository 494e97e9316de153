"""Each format under each compression, damaged: good rows as ClickHouse reads them, or nothing.

Where the damage is in the compression, a checksum tells; where a file has none, it must not end the process.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import pytest

from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult
from ingest_project.reading.target import Target
from ingest_project.settings.formats import FIXED_COLUMNS, TableFormat
from ingest_project_tests.reading.factories import fetched, read_objects
from ingest_project_tests.reading.test_format_matrix import (
    CASES,
    CHDB_COMPRESSIONS,
    COLUMNS,
    COMPRESS,
    clickhouse_rows,
    our_rows,
)

FLIPS = 12
WITHOUT_CHECKSUM = frozenset({"none", "zstd", "lzma"})
"""zstd has one if its writer was asked for it, lzma never."""


def _with_bad_lines(body: bytes) -> tuple[bytes, int]:
    """A line that cannot be read behind every fiftieth; CSV's rows have two lines each."""
    lines = body.splitlines(keepends=True)
    bad = b'{"id": \xff\n'
    parts = [
        part for place, line in enumerate(lines) for part in ((line, bad) if place % 50 == 2 else (line,))
    ]
    return b"".join(parts), sum(place % 50 == 2 for place in range(len(lines)))


def _with_bad_elements(body: bytes) -> tuple[bytes, int]:
    inner = body.strip().removeprefix(b"[").removesuffix(b"]")
    return b'[{"id": nothing}, ' + inner + b', {"id" 1}]', 2


DAMAGED: Mapping[TableFormat, Callable[[bytes], tuple[bytes, int]]] = {
    "ndjson": _with_bad_lines,
    "csv": _with_bad_lines,
    "json": _with_bad_elements,
}


def read_quarantining(file_format: TableFormat, *bodies: bytes) -> ReadResult:
    columns = FIXED_COLUMNS.get(file_format, COLUMNS)
    return read_objects(fetched(*bodies), Reading(file_format, Target(columns, "fail"), quarantines=True))


@pytest.mark.parametrize("compression", list(COMPRESS))
@pytest.mark.parametrize("file_format", list(DAMAGED))
def test_good_rows_of_a_file_with_bad_ones_are_those_that_another_reader_finds_without_them(
    file_format: TableFormat, compression: str, tmp_path: Path
) -> None:
    case = CASES[file_format]
    damaged, count = DAMAGED[file_format](case.body)
    path = tmp_path / "object"
    path.write_bytes(case.body)
    expected = clickhouse_rows(path, case, CHDB_COMPRESSIONS["none"])

    result = read_quarantining(file_format, COMPRESS[compression](damaged))

    assert result.failures == ()
    assert list(result.rejected_rows.values()) == [count]
    assert our_rows(result, file_format, "v0") == expected


@pytest.mark.parametrize("compression", list(COMPRESS))
@pytest.mark.parametrize("file_format", [one for one in CASES if one != "binary"])
def test_flipped_bits_fail_their_file_alone_wherever_a_checksum_can_tell(
    file_format: TableFormat, compression: str
) -> None:
    case = CASES[file_format]
    rng = Random(f"{file_format} {compression}")  # noqa: S311 - no secret
    flipped = []
    for _ in range(FLIPS):
        body = bytearray(COMPRESS[compression](case.body))
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        flipped.append(bytes(body))

    result = read_quarantining(file_format, case.body, *flipped, case.body)

    classes = {failure.error.error_class for failure in result.failures}
    assert classes <= {"unreadable", "schema"}
    whole = our_rows(result, file_format, "v0")
    assert whole == our_rows(result, file_format, f"v{FLIPS + 1}")
    if compression not in WITHOUT_CHECKSUM:
        failed = {failure.object.version for failure in result.failures}
        read = [f"v{place}" for place in range(1, FLIPS + 1) if f"v{place}" not in failed]
        assert all(our_rows(result, file_format, version) in (whole, []) for version in read)
