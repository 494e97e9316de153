"""Measures the memory of a process that reads an object many times larger than what it may hold of it.

Both reads are of one store, as a process of the project has it. A store made for the second one would be
measured too: boto3 reads S3's service model again for it, 10 MiB, and Python may collect that of the first,
which is cyclic garbage, before or after.
"""

import gzip
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest

from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024**2
PIECE_MIB = 8
BLOCK_ROWS = 20_000
BLOCKS = 80

PROGRAM = """
import json, re, resource, sys
from datetime import UTC, datetime

import polars as pl

from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.reading.format_options import DEFAULT_OPTIONS
from ingest_project.reading.limits import PieceLimits, PortionLimits
from ingest_project.reading.portions import Streamed, portions
from ingest_project.sources.s3.store import ObjectStore
from ingest_project.settings.model import AwsSettings


def peak_mib():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024


def read(key, size_bytes):
    object_ = ObjectVersion("landing", key, size_bytes, datetime.now(UTC))
    (streamed,) = portions(
        [object_], store, format=sys.argv[1], options=DEFAULT_OPTIONS,
        max_object_bytes=10**9,
        limits=PortionLimits(stored_bytes=1024, piece=PieceLimits(piece_bytes=8 * 1024**2)),
    )
    assert isinstance(streamed, Streamed)
    size = lines = pieces = 0
    for content in streamed.pieces:
        (body,) = content.bodies
        pieces += 1
        size += len(body) if isinstance(body, bytes) else body.estimated_size()
        lines += body.count(b"\\n") if isinstance(body, bytes) else body.height
    return size, lines, pieces


store = ObjectStore(Aws(AwsSettings()))
read("warm-up", 10**6)
before = peak_mib()
size, lines, pieces = read("large", 10**8)
print(json.dumps({"size": size, "lines": lines, "pieces": pieces, "growth": peak_mib() - before}))
"""


def measured(file_format: str) -> dict[str, float]:
    command = [sys.executable, "-c", PROGRAM, file_format]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert answer.returncode == 0, answer.stderr
    told: dict[str, float] = json.loads(answer.stdout)
    return told


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_two_hundred_megabytes_of_lines_take_the_memory_of_a_few_pieces(
    s3: "S3Client", store: ObjectStore
) -> None:
    lines = (
        f'{{"order_id": {number}, "customer": "customer {number * 7919 % 100_003}", '
        f'"note": "{number % 97 * "x"}"}}\n'
        for number in range(BLOCK_ROWS)
    )
    block = "".join(lines).encode()
    member = gzip.compress(block, compresslevel=1)
    s3.put_object(Bucket="landing", Key="warm-up", Body=member * 10)
    s3.put_object(Bucket="landing", Key="large", Body=member * BLOCKS)
    assert len(block) * BLOCKS > 150 * MIB

    told = measured("ndjson")

    assert (told["size"], told["lines"]) == (len(block) * BLOCKS, BLOCK_ROWS * BLOCKS)
    assert told["pieces"] > 20
    assert told["growth"] < 3 * PIECE_MIB


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("file_format", ["parquet", "ipc"])
def test_a_frame_is_as_large_as_a_piece(s3: "S3Client", store: ObjectStore, file_format: str) -> None:
    def body(rows: int) -> bytes:
        frame = pl.DataFrame({"a": range(rows)}).with_columns(b=pl.col("a") * 7919 % 100_003)
        sink = io.BytesIO()
        write = frame.write_parquet if file_format == "parquet" else frame.write_ipc
        write(sink)
        return sink.getvalue()

    s3.put_object(Bucket="landing", Key="warm-up", Body=body(1_000_000))
    s3.put_object(Bucket="landing", Key="large", Body=body(12_000_000))

    told = measured(file_format)

    assert told["lines"] == 12_000_000
    assert told["pieces"] > 10
    assert told["growth"] < 6 * PIECE_MIB
