"""The table properties that data files and manifests are written with, as far as PyIceberg supports them.

A table may mix file formats, so one whose `write.*` properties ask for ORC or Avro gets Parquet. Hints that
PyIceberg does not support, and would warn about, are left out. A value that cannot be parsed is a fault of
the table (`property_faults`), because it stops every writer.
https://iceberg.apache.org/docs/latest/configuration/#write-properties
"""

import importlib.util
import re
from collections.abc import Iterator, Mapping

from pyiceberg.avro.codecs import CODEC_MAPPING_ICEBERG_TO_AVRO, KNOWN_CODECS
from pyiceberg.table import TableProperties
from pyiceberg.table.metadata import TableMetadata

_CODECS = frozenset({"zstd", "gzip", "brotli", "snappy", "lz4", "lz4_raw", "none", "uncompressed"})
_CODECS_WITH_LEVELS = frozenset({"zstd", "gzip", "brotli"})
_UNKNOWN_TO_PYICEBERG = re.compile(
    "|".join(
        (
            re.escape(TableProperties.PARQUET_ROW_GROUP_SIZE_BYTES),
            re.escape(TableProperties.PARQUET_BLOOM_FILTER_MAX_BYTES),
            re.escape(TableProperties.PARQUET_BLOOM_FILTER_COLUMN_ENABLED_PREFIX) + r"\..*",
        )
    )
)
_DEFAULT_CODEC = "gzip"

_NUMBER = r"-?\d{1,18}"
_METRICS = (r"(?i:none|counts|full|truncate\(0*[1-9]\d{0,8}\))", "none, counts, truncate(N) or full")
# The form of values, as a pattern and in words, and the properties that must have this form.
_PROPERTIES_BY_FORM: Mapping[tuple[str, str], tuple[str, ...]] = {
    (_NUMBER, "a number of bytes"): (
        TableProperties.WRITE_TARGET_FILE_SIZE_BYTES,
        TableProperties.PARQUET_PAGE_SIZE_BYTES,
        TableProperties.PARQUET_DICT_SIZE_BYTES,
        TableProperties.MANIFEST_TARGET_SIZE_BYTES,
    ),
    (_NUMBER, "a number of rows"): (
        TableProperties.PARQUET_ROW_GROUP_LIMIT,
        TableProperties.PARQUET_PAGE_ROW_LIMIT,
    ),
    (_NUMBER, "a number"): (
        TableProperties.PARQUET_COMPRESSION_LEVEL,
        TableProperties.WRITE_PARTITION_SUMMARY_LIMIT,
        TableProperties.MANIFEST_MIN_MERGE_COUNT,
        TableProperties.METADATA_PREVIOUS_VERSIONS_MAX,
    ),
    (r"(?i:true|false|t|f|y|yes|n|no|on|off|1|0)", "true or false"): (
        TableProperties.MANIFEST_MERGE_ENABLED,
        TableProperties.METADATA_DELETE_AFTER_COMMIT_ENABLED,
        TableProperties.OBJECT_STORE_ENABLED,
        TableProperties.WRITE_OBJECT_STORE_PARTITIONED_PATHS,
    ),
    (f"(?i:{'|'.join(sorted(_CODECS))})", "zstd, gzip, snappy, lz4, brotli or uncompressed"): (
        TableProperties.PARQUET_COMPRESSION,
    ),
    _METRICS: (TableProperties.DEFAULT_WRITE_METRICS_MODE,),
}
_FORMS = {name: form for form, names in _PROPERTIES_BY_FORM.items() for name in names}


def with_writer_properties(metadata: TableMetadata) -> TableMetadata:
    """The metadata to write data files with; must not be committed."""
    kept = {
        key: value for key, value in metadata.properties.items() if not _UNKNOWN_TO_PYICEBERG.fullmatch(key)
    }
    kept[TableProperties.WRITE_FILE_FORMAT] = TableProperties.WRITE_FILE_FORMAT_DEFAULT
    codec = kept.get(TableProperties.PARQUET_COMPRESSION, TableProperties.PARQUET_COMPRESSION_DEFAULT).lower()
    kept[TableProperties.PARQUET_COMPRESSION] = codec
    if codec not in _CODECS_WITH_LEVELS:
        kept.pop(TableProperties.PARQUET_COMPRESSION_LEVEL, None)
    return metadata.model_copy(update={"properties": kept})


def manifest_codec(metadata: TableMetadata) -> str:
    """The codec of the manifests: the table's, or gzip if that one is unknown or not installed."""
    wanted = metadata.properties.get(
        TableProperties.WRITE_AVRO_COMPRESSION, TableProperties.WRITE_AVRO_COMPRESSION_DEFAULT
    )
    known = CODEC_MAPPING_ICEBERG_TO_AVRO.get(wanted, wanted) in KNOWN_CODECS
    is_installed = wanted != "snappy" or importlib.util.find_spec("snappy") is not None
    return wanted if known and is_installed else _DEFAULT_CODEC


def property_faults(properties: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Invalid values of properties that every commit reads, each with the remedy."""
    for key, value in properties.items():
        is_metrics = key.startswith(f"{TableProperties.METRICS_MODE_COLUMN_CONF_PREFIX}.")
        form = _METRICS if is_metrics else _FORMS.get(key)
        if form is not None and value and re.fullmatch(form[0], value.strip()) is None:
            yield f"its property {key} is {value[:40]!r}, and must be {form[1]}", f"set {key}, or unset it"
