"""Takes the first blocks of a large Avro file, for a preview."""

import io

SYNC_BYTES = 16
"""An Avro file has the same 16 random bytes behind its header and behind each block, so it ends with them."""


def of_avro(file: io.BufferedReader, start: bytes) -> bytes:
    """The header and the whole blocks of the file's start. Raises ValueError if there is no whole block."""
    file.seek(-SYNC_BYTES, io.SEEK_END)
    sync = file.read(SYNC_BYTES)
    end = start.rfind(sync)
    if end < 0:
        raise ValueError("no block ends in its first part, and a preview reads no more")
    return start[: end + SYNC_BYTES]
