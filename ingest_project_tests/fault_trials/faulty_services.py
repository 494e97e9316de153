"""`Services` whose queue, ledger, lake, object store and objects stop at the named points; see `control.py`.

Rooms are imported where they are used, as `Services` itself does.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from ingest_project.services import Services

if TYPE_CHECKING:
    from ingest_project.iceberg.catalog import Lake
    from ingest_project.ledger.ledger import Ledger
    from ingest_project.sources.s3.source_objects import SourceObjects
    from ingest_project.sources.s3.store import ObjectStore
    from ingest_project.sources.sqs.queue import Queue


class FaultyServices(Services):
    """The same rooms, breakable."""

    @cached_property
    def ledger(self) -> "Ledger":
        from ingest_project_tests.fault_trials.faulty_ledger import FaultyLedger

        return FaultyLedger(self.settings.ledger.url)

    @cached_property
    def lake(self) -> "Lake":
        from ingest_project_tests.fault_trials.faulty_lake import FaultyLake

        return FaultyLake(self.settings.catalog, self.settings.aws)

    @cached_property
    def store(self) -> "ObjectStore":
        from ingest_project_tests.fault_trials.faulty_store import FaultyStore

        return FaultyStore(self.aws)

    @cached_property
    def source_objects(self) -> "SourceObjects":
        from ingest_project_tests.fault_trials.faulty_objects import FaultyObjects

        return FaultyObjects(self.aws)

    def queue(self, name: str) -> "Queue":
        from ingest_project_tests.fault_trials.faulty_queue import FaultyQueue

        settings = self.settings.queue(name)
        whole_messages = settings.source != "s3_events"
        return FaultyQueue(self.aws.sqs(), name=name, url=settings.url, whole_messages=whole_messages)
