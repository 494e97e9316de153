"""Rebuilds one Dagster partition of a table from what S3 holds, by hand or by schedule."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ingest_project.errors import UnroutableObject
from ingest_project.ingestion.intake import planning_rules
from ingest_project.ingestion.process import BatchResult, Pipeline
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.rebuild import HeldKeys
from ingest_project.settings.clocks import utc_now
from ingest_project.settings.model import TableSettings
from ingest_project.sources.routing import RoutedObject, Router
from ingest_project.sources.s3.store import ObjectStore
from ingest_project.sources.sqs.queue import Queue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Rebuilds partitions: lists S3, plans a batch that owns what it lists, and processes that batch."""

    ledger: Ledger
    store: ObjectStore
    router: Router
    pipeline: Pipeline

    def run(
        self, table: TableSettings, partition_key: str | None, *, queue: Queue, run_id: str
    ) -> BatchResult | None:
        """Replace all rows of the partition by what S3 holds now, in one atomic commit, and settle its
        objects.

        A repeated rebuild gives the same rows. Events of objects that it ingested are settled without another
        ingest. Failed objects that S3 does not hold are settled as skipped. An object that is written while
        S3 is listed is left to its own event. After a crash the batch stays open; the queue's sensor, or the
        next rebuild of the partition, finishes it.

        Raises what Pipeline.process raises, and ObjectError if S3 does not list the prefix.
        """
        batch_id = self._plan(table, partition_key, run_id)
        if self.ledger.batch(batch_id).starts > 0:
            # It is an earlier rebuild of the partition, with an older listing, that may be in the table
            # already.
            log.info(
                "%s: finishing the rebuild %s of partition %s first", table.name, batch_id, partition_key
            )
            self.pipeline.process(batch_id, queue=queue, run_id=run_id)
            batch_id = self._plan(table, partition_key, run_id)
        return self.pipeline.process(batch_id, queue=queue, run_id=run_id)

    def _plan(self, table: TableSettings, partition_key: str | None, run_id: str) -> str:
        listed_at = utc_now()
        keys: set[str] = set()
        listed = [one for one in self._listed(table, keys) if one.partition_key == partition_key]
        log.info("%s: S3 holds %d objects of partition %s", table.name, len(listed), partition_key)
        (rule,) = planning_rules([table])
        return self.ledger.plan_rebuild(
            queue=table.queue,
            rule=rule,
            partition_key=partition_key,
            listed=listed,
            run_id=run_id,
            listed_at=listed_at,
            held=HeldKeys(table.bucket, table.prefix, keys),
        )

    def _listed(self, table: TableSettings, keys: set[str]) -> list[RoutedObject]:
        """The table's objects. Adds every key that S3 holds to `keys`, even if it is not the table's."""
        routed = list(self._routed(table, keys))
        if table.partition is None or table.partition.from_ == "key":
            return routed
        known = self.ledger.partitions_of(routed)
        return [replace(one, partition_key=known.get(one.object.uri, one.partition_key)) for one in routed]

    def _routed(self, table: TableSettings, keys: set[str]) -> Iterator[RoutedObject]:
        for item in self.store.list(table.bucket, table.prefix):
            keys.add(item.key)
            try:
                routed = self.router.route(table.queue, item)
            except UnroutableObject as error:
                # Not a fault: S3 may hold other objects below the prefix. Only their events are faults.
                log.debug("%s", error)
                continue
            if routed.table == table.name and routed.passed_over is None:
                yield routed
