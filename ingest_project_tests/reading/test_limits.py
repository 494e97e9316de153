"""A table's settings change what is held at once, and how long a record and an expanded object may be."""

from ingest_project.reading.format_options import format_options
from ingest_project.reading.limits import LIMITS, limits_of
from ingest_project.settings.model import BatchSettings, TableSettings
from ingest_project_tests.iceberg.factories import table_settings


def of(**batch: int) -> TableSettings:
    return table_settings(batch=batch)


def test_without_settings_a_table_has_the_limits_of_every_run() -> None:
    assert limits_of(BatchSettings()) == LIMITS


def test_the_settings_of_a_table_reach_its_portions_pieces_and_records() -> None:
    limits = format_options(of(portion_bytes=2**20, max_record_bytes=4096, max_expanded_bytes=10**6)).limits
    assert (limits.portion.stored_bytes, limits.portion.content_bytes) == (2**20, 2**21)
    assert (limits.portion.piece.piece_bytes, limits.portion.piece.record_bytes) == (2**20, 4096)
    assert limits.unpack.object_bytes == 10**6
