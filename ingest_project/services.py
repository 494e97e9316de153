"""Puts the rooms together from the settings, each opened on first use.

The only place where heavy libraries are imported inside functions: Dagster imports the definitions in every process
it starts, and most of those need neither PyIceberg nor Polars, which cost more than Dagster itself.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from ingest_project.errors import SettingsError
from ingest_project.settings.model import Settings, TableSettings

if TYPE_CHECKING:
    from ingest_project.acknowledge import Acknowledged
    from ingest_project.aws import Aws
    from ingest_project.batches.ledger import Ledger
    from ingest_project.batches.prune import Pruned
    from ingest_project.batches.replay import Replayed
    from ingest_project.events.routing import Router
    from ingest_project.iceberg.catalog import Lake
    from ingest_project.intake import Intake
    from ingest_project.objects.fetch.store import ObjectStore
    from ingest_project.pipeline import Pipeline
    from ingest_project.rebuild import Rebuild
    from ingest_project.restore.restore import Restore
    from ingest_project.sqs.queue import Queue


class Services:
    """Everything that a process of this project may need, made from one set of settings."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError for expressions and defaults of `columns` that can never give a value."""
        self.settings = settings
        if any(_computes(table) for table in settings.tables):
            from ingest_project.objects.columns.mapping_check import mapping_faults

            if faults := list(mapping_faults(settings)):
                raise SettingsError(faults)

    @cached_property
    def aws(self) -> "Aws":
        from ingest_project.aws import Aws

        return Aws(self.settings.aws)

    @cached_property
    def ledger(self) -> "Ledger":
        """The ledger, its schema brought up to date."""
        from ingest_project.batches.ledger import Ledger

        return Ledger(self.settings.ledger.url)

    @cached_property
    def lake(self) -> "Lake":
        from ingest_project.iceberg.catalog import Lake

        return Lake(self.settings.catalog, self.settings.aws)

    @cached_property
    def store(self) -> "ObjectStore":
        from ingest_project.objects.fetch.store import ObjectStore

        return ObjectStore(self.aws)

    @cached_property
    def router(self) -> "Router":
        from ingest_project.events.routing import Router

        return Router(self.settings.tables)

    @cached_property
    def pipeline(self) -> "Pipeline":
        from ingest_project.pipeline import Pipeline

        return Pipeline(self.settings, self.ledger, self.lake, self.store)

    @cached_property
    def rebuild(self) -> "Rebuild":
        from ingest_project.rebuild import Rebuild

        return Rebuild(self.ledger, self.store, self.router, self.pipeline)

    @cached_property
    def restore(self) -> "Restore":
        """What rebuilds a lost ledger from the tables."""
        from ingest_project.restore.restore import Restore

        return Restore(self.ledger, self.lake, self.aws)

    def queue(self, name: str) -> "Queue":
        """The client of one queue."""
        from ingest_project.sqs.queue import Queue

        return Queue(self.aws.sqs(), name=name, url=self.settings.queue(name).url)

    def intake(self, queue: str) -> "Intake":
        """What drains one queue into the ledger."""
        from ingest_project.intake import Intake, planning_rules

        rules = planning_rules(self.settings.tables_of(queue))
        return Intake(self.settings.queue(queue), rules, self.queue(queue), self.router, self.ledger)

    def acknowledge(self, queue: str) -> "Acknowledged":
        """Delete the messages of what is settled."""
        from ingest_project.acknowledge import acknowledge

        return acknowledge(self.ledger, self.queue(queue))

    def prune(self, *, older_than: timedelta, dry_run: bool = False) -> "Pruned":
        """Forget what the ledger needs no more; see Ledger.prune."""
        policies = {table.name: table.on_overwrite for table in self.settings.tables}
        return self.ledger.prune(older_than=older_than, policies=policies, dry_run=dry_run)

    def replay(self, table: str, *, uris: Sequence[str] = (), whole: bool = False) -> "Replayed":
        """Have object versions of a table read again, for their rows in quarantine; KeyError if there is no such table."""
        from ingest_project.batches.replay import ReplaySelection
        from ingest_project.intake import planning_rules

        settings = self.settings.table(table)
        (rule,) = planning_rules([settings])
        return self.ledger.plan_replay(settings.queue, rule, ReplaySelection(table, tuple(uris), whole))

    def keep_invisible(self, queue: str) -> int:
        """Extend the visibility of messages whose work waits or goes on."""
        from ingest_project.acknowledge import keep_invisible

        timeout = timedelta(seconds=self.settings.queue(queue).visibility_timeout_seconds)
        return keep_invisible(self.ledger, self.queue(queue), timeout=timeout)


def _computes(table: TableSettings) -> bool:
    return bool(table.expectations) or any(
        one.sql or one.default is not None for one in (table.columns or {}).values()
    )
