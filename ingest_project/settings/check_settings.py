"""Which asset checks a table has, and their limits: `checks` of a table in ingest.yaml."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from ingest_project.settings.duration import parse_duration
from ingest_project.settings.row_limit import row_limit
from ingest_project.settings.strict import Strict


def length_of_time(written: str) -> timedelta:
    """The duration that a setting names; raises ValueError, with the remedy."""
    length = parse_duration(written)
    if not length:
        raise ValueError("a length of time must be more than zero; write it like 26h")
    return length


def share_of_rows(written: str) -> float:
    """The share that `1%` means, from 0 to 1. Raises ValueError, with the remedy, for other texts."""
    try:
        share = row_limit(written).share
    except ValueError:
        share = None
    if share is None:
        raise ValueError('not a share of rows; write it like "1%"')
    return share


def _checked_share(written: str | None) -> str | None:
    if written is not None:
        share_of_rows(written)
    return written


def checked_length(written: str | None) -> str | None:
    if written is not None:
        length_of_time(written)
    return written


class ChecksSettings(Strict):
    """The checks of a table's asset. Each can be switched off: the first two by null, the others by false.

    `max_bad_row_share` is how many of the rows may be set aside, `fresh_within` how long ago the last commit
    may be (null, the default: any time). `row_count_anomaly` compares the rows of a partition with those of
    earlier ones, `schema_drift` compares the table's columns with the declared ones, and `dlq` looks into the
    queue's DLQ. `failed_objects` counts the objects that could not be ingested.
    """

    max_bad_row_share: Annotated[str | None, AfterValidator(_checked_share)] = "1%"
    fresh_within: Annotated[str | None, AfterValidator(checked_length)] = None
    row_count_anomaly: bool = True
    schema_drift: bool = True
    dlq: bool = True
    failed_objects: bool = True

    @property
    def bad_row_share(self) -> float | None:
        """The share from 0 to 1; None: any share."""
        return None if self.max_bad_row_share is None else share_of_rows(self.max_bad_row_share)

    @property
    def longest_silence(self) -> timedelta | None:
        """How long ago the last commit may be; None: any time."""
        return None if self.fresh_within is None else parse_duration(self.fresh_within)
