"""Which asset checks a table has, and what they hold it to: `checks` of a table in ingest.yaml."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from ingest_project.settings.row_limit import row_limit
from ingest_project.settings.strict import Strict

LENGTH = re.compile(r"([1-9]\d{0,4})\s*([mhdw])")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def length_of_time(written: str) -> timedelta:
    """What `90m`, `26h` or `2d` means. Raises ValueError, with the remedy, for anything else."""
    found = LENGTH.fullmatch(written.strip())
    if found is None:
        raise ValueError("no length of time; write a number and m, h, d or w, like 26h")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def share_of_rows(written: str) -> float:
    """What `1%` means, from 0 to 1. Raises ValueError, with the remedy, for anything else."""
    try:
        share = row_limit(written).share
    except ValueError:
        share = None
    if share is None:
        raise ValueError('no share of rows; write it like "1%"')
    return share


def _checked_share(written: str | None) -> str | None:
    if written is not None:
        share_of_rows(written)
    return written


def _checked_length(written: str | None) -> str | None:
    if written is not None:
        length_of_time(written)
    return written


class ChecksSettings(Strict):
    """The checks of a table's asset. Each can be switched off: the first two by null, the others by false.

    `max_bad_row_share` is how many of the rows may be set aside, `fresh_within` how long ago the last commit may be:
    null, the default, promises nothing. `row_count_anomaly` compares the rows of a partition with those before,
    `schema_drift` the table's columns with those that are declared, and `dlq` looks into the queue's DLQ.
    """

    max_bad_row_share: Annotated[str | None, AfterValidator(_checked_share)] = "1%"
    fresh_within: Annotated[str | None, AfterValidator(_checked_length)] = None
    row_count_anomaly: bool = True
    schema_drift: bool = True
    dlq: bool = True

    @property
    def bad_row_share(self) -> float | None:
        """The share from 0 to 1; None: any."""
        return None if self.max_bad_row_share is None else share_of_rows(self.max_bad_row_share)

    @property
    def longest_silence(self) -> timedelta | None:
        """How long ago the last commit may be; None: any time."""
        return None if self.fresh_within is None else length_of_time(self.fresh_within)
