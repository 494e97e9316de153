"""Values in keys, as Hive, Spark and Athena write them: `ts=2026-11-20%2013%3A00%3A00`."""

import re
from urllib.parse import unquote_to_bytes

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""What Hive, Spark, Athena and Glue write if the value of a partition column is null or empty."""
ESCAPE = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def decoded(text: str) -> str:
    """The text with its percent-encoded characters decoded, once; a `%` without two hexadecimal digits stays.

    Raises ValueError if the encoded bytes are not UTF-8.
    """
    try:
        return ESCAPE.sub(lambda match: unquote_to_bytes(match[0]).decode(), text)
    except UnicodeDecodeError as error:
        raise ValueError(f"{text!r} has percent-encoded bytes that are not UTF-8") from error
