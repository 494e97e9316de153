"""Says about how much memory the rows of a file take that has its own compression inside."""

from collections.abc import Sequence

import pyarrow as pa
from pyarrow import parquet as pq

from ingest_project.settings.model import TableFormat

VALUE_BYTES = 8
"""What a value of Parquet takes at least, about; encoded, a million equal ones take a few bytes."""
AVRO_EXPANSION = 8
ARROW_EXPANSION = 3
"""How much deflate and zstd usually save in such files. What a file says of itself is known for Parquet only."""


def decoded_bytes(bodies: Sequence[bytes], file_format: TableFormat) -> int:
    """An estimate for a table's format; for text it is the size of the bodies."""
    match file_format:
        case "parquet":
            return sum(_parquet_bytes(body) for body in bodies)
        case "avro":
            return AVRO_EXPANSION * sum(map(len, bodies))
        case "ipc":
            return ARROW_EXPANSION * sum(map(len, bodies))
        case _:
            return sum(map(len, bodies))


def _parquet_bytes(body: bytes) -> int:
    try:
        return parquet_bytes(pq.read_metadata(pa.BufferReader(body)))
    except (pa.ArrowException, OSError, ValueError):  # the reader says what is wrong with it
        return len(body)


def parquet_bytes(metadata: pq.FileMetaData) -> int:
    """What the rows of a Parquet file take at least, about."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    encoded_bytes = sum(group.total_byte_size for group in groups)
    return max(encoded_bytes, metadata.num_rows * metadata.num_columns * VALUE_BYTES)
