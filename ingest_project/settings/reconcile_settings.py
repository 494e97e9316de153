"""When a table is reconciled with S3: `reconcile` of a table in ingest.yaml."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from ingest_project.settings.check_settings import checked_length
from ingest_project.settings.cron import checked_cron
from ingest_project.settings.duration import parse_duration
from ingest_project.settings.strict import Strict

GRACE = "1h"


class ReconcileSettings(Strict):
    """A schedule that compares what S3 holds with the ledger and the table.

    `every` is a cron expression (UTC). Objects that were written within the `window` are compared (null, the
    default: all), except those that are younger than `grace`, whose events may still be on their way. With
    `enqueue`, what is missing is claimed, and the queue's sensor ingests it. `metadata_table` is a table of
    S3 Metadata, by which what S3 holds is known instead of by a listing.
    """

    every: Annotated[str, AfterValidator(checked_cron)]
    window: Annotated[str | None, AfterValidator(checked_length)] = None
    grace: Annotated[str, AfterValidator(checked_length)] = GRACE
    enqueue: bool = False
    metadata_table: str | None = None

    @property
    def window_length(self) -> timedelta | None:
        """How long ago the oldest objects to compare were written; None: all."""
        return None if self.window is None else parse_duration(self.window)

    @property
    def grace_length(self) -> timedelta:
        """How old an object must be to count as missing."""
        return parse_duration(self.grace)
