"""Expires the snapshots of a table and of its quarantine; what the ledger still needs is kept."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.expiry.retention import Retention
from ingest_project.ledger.ledger import Ledger
from ingest_project.settings.clocks import Clock, utc_now
from ingest_project.settings.expire_settings import ExpireSettings
from ingest_project.settings.model import Settings, TableSettings

if TYPE_CHECKING:
    from ingest_project.iceberg.expiry.expire import Expired


class Expire:
    """Expires snapshots of the tables of the settings."""

    def __init__(self, settings: Settings, ledger: Ledger, lake: Lake, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._ledger = ledger
        self._lake = lake
        self._clock = clock

    def run(
        self,
        table: TableSettings,
        *,
        keep: int | None = None,
        min_age: timedelta | None = None,
        dry_run: bool = False,
    ) -> "Iterator[Expired]":
        """What went from the table and from its quarantine, as far as they exist.

        `keep` and `min_age` replace those of the settings. Safe beside runs, and again after a crash. Raises
        CatalogUnavailable, CommitConflict, TableMismatch and LedgerUnavailable.
        """
        told = table.expire or ExpireSettings()
        retention = Retention(
            told.declared_keep if keep is None else keep,
            told.declared_min_age if min_age is None else min_age,
        )
        for name in (table.name, table.quarantine):
            found = self._lake.find(name)
            if found is not None:
                yield found.expire(
                    retention, lambda: self._unsettled_since(table), self._clock(), dry_run=dry_run
                )

    def _unsettled_since(self, table: TableSettings) -> datetime | None:
        """When the oldest unsettled batch of the table was planned, also by a queue that it has left."""
        planned = (
            batch.planned_at
            for queue in self._settings.queues
            for batch in self._ledger.open_batches(queue.name)
            if batch.table == table.name
        )
        return min(planned, default=None)
