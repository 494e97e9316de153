"""Rebuilds one Dagster partition of a table from what S3 holds: the other way into a table, by hand or by schedule."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ingest_project.batches.ledger import Ledger, utc_now
from ingest_project.errors import UnroutableObject
from ingest_project.events.routing import RoutedObject, Router
from ingest_project.intake import planning_rules
from ingest_project.objects.fetch.store import ObjectStore
from ingest_project.pipeline import BatchResult, Pipeline
from ingest_project.settings.model import TableSettings
from ingest_project.sqs.queue import Queue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Rebuilds partitions: lists S3, plans a batch that owns what it lists, and processes that batch at once."""

    ledger: Ledger
    store: ObjectStore
    router: Router
    pipeline: Pipeline

    def run(
        self, table: TableSettings, partition_key: str | None, *, queue: Queue, run_id: str
    ) -> BatchResult | None:
        """Replace all rows of the partition by what S3 holds now, in one atomic commit, and settle its objects.

        Doing it again gives the same rows. Events of objects that it ingested settle without another ingest. What is
        written while S3 is listed is left to its own event. A crash leaves an open batch behind, which the queue's
        sensor, or the next rebuild of the partition, finishes.
        Raises what Pipeline.process raises, and ObjectError if S3 does not list the prefix.
        """
        batch_id = self._plan(table, partition_key, run_id)
        if self.ledger.batch(batch_id).starts > 0:
            # An earlier rebuild of the partition, which may be in the table already: it knows an older listing.
            log.info(
                "%s: finishing the rebuild %s of partition %s first", table.name, batch_id, partition_key
            )
            self.pipeline.process(batch_id, queue=queue, run_id=run_id)
            batch_id = self._plan(table, partition_key, run_id)
        return self.pipeline.process(batch_id, queue=queue, run_id=run_id)

    def _plan(self, table: TableSettings, partition_key: str | None, run_id: str) -> str:
        listed_at = utc_now()
        listed = [one for one in self._listed(table) if one.partition_key == partition_key]
        log.info("%s: S3 holds %d objects of partition %s", table.name, len(listed), partition_key)
        (rule,) = planning_rules([table])
        return self.ledger.plan_rebuild(
            queue=table.queue,
            rule=rule,
            partition_key=partition_key,
            listed=listed,
            run_id=run_id,
            listed_at=listed_at,
        )

    def _listed(self, table: TableSettings) -> list[RoutedObject]:
        routed = list(self._routed(table))
        if table.partition is None or table.partition.from_ == "key":
            return routed
        known = self.ledger.partitions_of(routed)
        return [replace(one, partition_key=known.get(one.object.uri, one.partition_key)) for one in routed]

    def _routed(self, table: TableSettings) -> Iterator[RoutedObject]:
        for item in self.store.list(table.bucket, table.prefix):
            try:
                routed = self.router.route(table.queue, item)
            except (
                UnroutableObject
            ) as error:  # S3 holds other things below the prefix; only their events are faults
                log.debug("%s", error)
                continue
            if routed.table == table.name:
                yield routed
