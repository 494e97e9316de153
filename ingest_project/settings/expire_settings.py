"""Which snapshots of a table expire, and when: `expire` of a table in ingest.yaml."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from ingest_project.settings.check_settings import checked_length
from ingest_project.settings.cron import checked_cron
from ingest_project.settings.duration import parse_duration
from ingest_project.settings.strict import Strict

KEEP = 100
MIN_AGE = "7d"
EVERY = "30 3 * * *"


class ExpireSettings(Strict):
    """A schedule that expires the snapshots of a table and its quarantine, and deletes what only they reach.

    A snapshot expires if it is older than `min_age` and not one of the newest `keep`. What the settings leave
    out is what the table's own properties `history.expire.min-snapshots-to-keep` and
    `history.expire.max-snapshot-age-ms` say or, without these, the default. `every` is a cron expression
    (UTC).
    """

    keep: Annotated[int, Field(ge=1)] = KEEP
    min_age: Annotated[str, AfterValidator(checked_length)] = MIN_AGE
    every: Annotated[str, AfterValidator(checked_cron)] = EVERY

    @property
    def declared_keep(self) -> int | None:
        """How many of the newest snapshots stay; None if the settings leave it out."""
        return self.keep if "keep" in self.model_fields_set else None

    @property
    def declared_min_age(self) -> timedelta | None:
        """How old a snapshot must be to expire; None if the settings leave it out."""
        return parse_duration(self.min_age) if "min_age" in self.model_fields_set else None
