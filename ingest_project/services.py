"""Puts the rooms together from the settings, each opened on first use.

Heavy libraries are imported inside functions here: Dagster imports the definitions in every process that it
starts, and most of these need neither PyIceberg nor Polars, whose import takes longer than Dagster's own.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from ingest_project.errors import SettingsError
from ingest_project.settings.clocks import utc_now
from ingest_project.settings.job_settings import JobsSettings
from ingest_project.settings.model import Settings, TableSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from ingest_project.iceberg.catalog import Lake
    from ingest_project.ingestion.acknowledge import Acknowledged
    from ingest_project.ingestion.dead_letters.dead_letter_queue import DeadLetterQueue
    from ingest_project.ingestion.expire import Expire
    from ingest_project.ingestion.intake import Intake
    from ingest_project.ingestion.jobs.inputs import CheckOwn
    from ingest_project.ingestion.jobs.jobs import Jobs
    from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds
    from ingest_project.ingestion.jobs.mirror import JobMirror
    from ingest_project.ingestion.process import Pipeline
    from ingest_project.ingestion.rebuild import Rebuild
    from ingest_project.ingestion.reconcile.reconcile import Listing, Reconcile
    from ingest_project.ingestion.reconcile.result import Reconciled
    from ingest_project.ingestion.recover_ledger.recover import LedgerRecovery
    from ingest_project.ledger.ledger import Ledger
    from ingest_project.ledger.prune import Pruned
    from ingest_project.ledger.replay import Replayed
    from ingest_project.sources.aws import Aws
    from ingest_project.sources.routing import Router
    from ingest_project.sources.s3.result_files import ResultFiles
    from ingest_project.sources.s3.source_objects import SourceObjects
    from ingest_project.sources.s3.store import ObjectStore
    from ingest_project.sources.source import ContentStore, Source
    from ingest_project.sources.sqs.queue import Queue


class Services:
    """All services that a process of this project may need, made from one set of settings."""

    def __init__(self, settings: Settings, *, check_own_input: "CheckOwn | None" = None) -> None:
        """Raises SettingsError for expressions and defaults of `columns` that can never be valid.

        `check_own_input` checks the inputs of the kinds of jobs that users have declared, which only Dagster
        can. Without it they are checked when they run.
        """
        self.settings = settings
        self.check_own_input = check_own_input or _accept
        if any(_computes(table) for table in settings.tables):
            from ingest_project.reading.columns.mapping_check import mapping_faults

            if faults := list(mapping_faults(settings)):
                raise SettingsError(faults)

    @cached_property
    def aws(self) -> "Aws":
        from ingest_project.sources.aws import Aws

        return Aws(self.settings.aws, self.settings.buckets)

    @cached_property
    def ledger(self) -> "Ledger":
        """The ledger, with its schema brought up to date; created if it is absent."""
        from ingest_project.ledger.ledger import Ledger

        return Ledger(self.settings.ledger.url)

    def existing_ledger(self) -> "Ledger":
        """The ledger, for callers that must not create a lost one again. Raises LedgerAbsent."""
        from ingest_project.ledger.database import refuse_absent

        refuse_absent(self.settings.ledger.url)
        return self.ledger

    def may_create_ledger(self) -> bool:
        """Whether a ledger that is missing may be created. Raises LedgerUnavailable."""
        from ingest_project.ledger.database import may_be_created

        return may_be_created(self.settings.ledger.url)

    @cached_property
    def lake(self) -> "Lake":
        from ingest_project.iceberg.catalog import Lake

        return Lake(self.settings.catalog, self.settings.aws)

    @cached_property
    def metadata_lake(self) -> "Lake":
        """The catalog that has the tables of S3 Metadata."""
        from ingest_project.iceberg.catalog import Lake

        if self.settings.metadata_catalog is None:
            return self.lake
        return Lake(self.settings.metadata_catalog, self.settings.aws)

    @cached_property
    def store(self) -> "ObjectStore":
        from ingest_project.sources.s3.store import ObjectStore

        return ObjectStore(self.aws)

    @cached_property
    def contents(self) -> "ContentStore":
        """Where runs read what was claimed: objects from S3, messages from the ledger."""
        from ingest_project.sources.content_stores import ContentStores
        from ingest_project.sources.messages.message_bodies import MessageBodies

        of_messages = {table.bucket: table for table in self.settings.tables if table.is_of_messages}
        if not of_messages:
            return self.store
        return ContentStores(self.store, MessageBodies(of_messages, self.ledger.message_contents))

    @cached_property
    def router(self) -> "Router":
        from ingest_project.sources.routing import Router

        return Router(self.settings.tables)

    @cached_property
    def pipeline(self) -> "Pipeline":
        """What processes batches. Its libraries are most of what a run loads: see `_loading`."""
        with _loading():
            from ingest_project.ingestion.process import Pipeline

            return Pipeline(self.settings, self.ledger, self.lake, self.contents)

    @cached_property
    def rebuild(self) -> "Rebuild":
        from ingest_project.ingestion.rebuild import Rebuild

        return Rebuild(self.ledger, self.store, self.router, self.pipeline)

    @cached_property
    def recovery(self) -> "LedgerRecovery":
        """Recovers a lost ledger from the tables."""
        from ingest_project.ingestion.recover_ledger.recover import LedgerRecovery

        return LedgerRecovery(self.ledger, self.lake, self.aws)

    @cached_property
    def reconcile(self) -> "Reconcile":
        """Compares what S3 holds with the ledger and the tables."""
        from ingest_project.ingestion.reconcile.reconcile import Reconcile

        return Reconcile(self.ledger, self.lake, self.aws, self.router, self.store)

    @cached_property
    def expire(self) -> "Expire":
        """Expires snapshots. Raises LedgerAbsent: the ledger says which snapshots are needed."""
        from ingest_project.ingestion.expire import Expire

        return Expire(self.settings, self.existing_ledger(), self.lake)

    def inventory(self, uri: str, table: TableSettings) -> "Listing":
        """What an S3 Inventory lists of the table's bucket. Raises InventoryUnusable, ObjectError."""
        from ingest_project.ingestion.reconcile.reconcile import Listing
        from ingest_project.sources.s3.inventory import list_inventory, read_manifest

        found = read_manifest(self.aws, uri, of_bucket=table.bucket)
        return Listing(uri, found.created_at, list_inventory(self.aws, found))

    def metadata_listing(self, name: str, table: TableSettings) -> "Listing":
        """What a table of S3 Metadata lists of the table's bucket.

        Raises InventoryUnusable, CatalogUnavailable.
        """
        from ingest_project.ingestion.reconcile.metadata_table import metadata_listing

        return metadata_listing(self.metadata_lake, name, bucket=table.bucket, prefix=table.prefix)

    def reconciled(self, table: TableSettings) -> "Reconciled":
        """Compare a table as its settings say: their window and grace, and their metadata table, if any."""
        from ingest_project.ingestion.reconcile.reconcile import Wanted
        from ingest_project.ingestion.reconcile.scope import scheduled_scope

        queue = self.settings.queue(table.queue)
        by = None if table.reconcile is None else table.reconcile.metadata_table
        listing = None if by is None else self.metadata_listing(by, table)
        return self.reconcile.run(table, queue, Wanted(scheduled_scope(table, utc_now()), listing))

    def queue(self, name: str) -> "Queue":
        """The client of one queue."""
        from ingest_project.sources.sqs.queue import Queue

        settings = self.settings.queue(name)
        client = self.aws.of(settings.access).sqs()
        whole_messages = settings.source != "s3_events"
        return Queue(client, name=name, url=settings.url, whole_messages=whole_messages)

    def queue_at(self, address: str) -> "Queue":
        """The client of a queue by its name or URL. Raises SettingsError if there is no such name."""
        from ingest_project.sources.sqs.address import queue_at

        return queue_at(address, self.settings, self.aws)

    def intake(self, queue: str) -> "Intake":
        """Drains one queue into the ledger."""
        from ingest_project.ingestion.intake import Intake, job_rules, planning_rules

        jobs = self.settings.jobs if self.settings.queue(queue).source == "jobs" else None
        rules = planning_rules(self.settings.tables_of(queue)) if jobs is None else job_rules(jobs)
        client = self.queue(queue)
        return Intake(self.settings.queue(queue), rules, client, self.source(client), self.ledger)

    def source(self, queue: "Queue") -> "Source":
        """What the messages of this queue are. Raises QueueUnavailable."""
        from ingest_project.sources.messages.raw_messages import RawMessages
        from ingest_project.sources.s3.events import S3Events

        settings = self.settings.queue(queue.name)
        if settings.source == "s3_events":
            return S3Events(queue.name, self.router)
        if settings.source == "jobs":
            return self._job_requests(queue.name)
        (table,) = self.settings.tables_of(queue.name)
        return RawMessages(table, queue.attributes().arn, settings.receipt_handles)

    @cached_property
    def jobs(self) -> "Jobs":
        """Accepts requests for jobs. Raises SettingsError if the settings have no queue for them."""
        from ingest_project.ingestion.jobs.jobs import Jobs

        queue = self.settings.jobs_queue
        if queue is None:
            raise SettingsError(["jobs: no queue brings them; give one of `queues` `source: jobs`"])
        return Jobs(
            self.settings, self.ledger, self.queue(queue.name), self.check_own_input, self._signing_s3
        )

    @cached_property
    def result_files(self) -> "ResultFiles":
        """Writes the files of jobs' results to S3."""
        from ingest_project.sources.s3.result_files import ResultFiles

        return ResultFiles(self.aws)

    @cached_property
    def job_kinds(self) -> "JobKinds":
        """What the built-in kinds of jobs work with, for `run_job`."""
        from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds

        return JobKinds(
            self.settings, self.ledger, self.lake, self.store, self.router, self.reconcile, self.rebuild,
            replay=self.replay, inventory=self.inventory, queue=self.queue, result_files=self.result_files,
        )  # fmt: skip

    @cached_property
    def job_mirror(self) -> "JobMirror | None":
        """Writes the status of jobs to DynamoDB; None if the settings have no mirror."""
        from ingest_project.ingestion.jobs.mirror import JobMirror

        mirror = self.settings.jobs.mirror if self.settings.jobs is not None else None
        return None if mirror is None else JobMirror(self.ledger, mirror, self.aws)

    def _signing_s3(self, bucket: str) -> "tuple[S3Client, datetime | None]":
        aws = self.aws.of_bucket(bucket)
        return aws.s3(bucket), aws.credentials_expire_at()

    def _job_requests(self, queue: str) -> "Source":
        from ingest_project.ingestion.jobs.inputs import input_fault
        from ingest_project.sources.jobs.job_requests import JobRequests

        validate = partial(input_fault, self.settings, self.check_own_input)
        return JobRequests(queue, self.settings.jobs or JobsSettings(), self.ledger.jobs.request, validate)

    def dead_letters(self, queue: str) -> "DeadLetterQueue | None":
        """The DLQ of this queue; None if it has none. Raises QueueUnavailable, LedgerAbsent and KeyError."""
        from ingest_project.ingestion.dead_letters.dead_letter_queue import DeadLetterQueue

        settings, client = self.settings.queue(queue), self.queue(queue)
        dlq = client.dead_letter_queue()
        if dlq is None:
            return None
        return DeadLetterQueue(
            client, dlq, self.source(client), self.existing_ledger(), queue_arn=client.attributes().arn,
            is_raw=settings.source != "s3_events",
        )  # fmt: skip

    def acknowledge(self, queue: str) -> "Acknowledged":
        """Delete the messages whose objects are settled, then do with these objects what `after` says."""
        from ingest_project.ingestion.acknowledge import acknowledge
        from ingest_project.ingestion.after_processing import after_processing

        acknowledged = acknowledge(self.ledger, self.queue(queue))
        after_processing(self.ledger, self.source_objects, queue)
        return acknowledged

    @cached_property
    def source_objects(self) -> "SourceObjects":
        """Tags, moves and deletes objects in S3."""
        from ingest_project.sources.s3.source_objects import SourceObjects

        return SourceObjects(self.aws)

    def prune(self, *, older_than: timedelta, dry_run: bool = False) -> "Pruned":
        """Forget what the ledger does not need any more; see Ledger.prune."""
        policies = {table.name: table.on_overwrite for table in self.settings.tables}
        return self.ledger.prune(older_than=older_than, policies=policies, dry_run=dry_run)

    def replay(
        self, table: str, *, uris: Sequence[str] = (), whole: bool = False, for_job: str | None = None
    ) -> "Replayed":
        """Plan to read object versions of a table again, because of their rows in quarantine.

        Raises KeyError if the settings do not have the table.
        """
        from ingest_project.ingestion.intake import planning_rules
        from ingest_project.ledger.replay import ReplaySelection

        settings = self.settings.table(table)
        (rule,) = planning_rules([settings])
        selection = ReplaySelection(table, tuple(uris), whole, for_job)
        return self.ledger.plan_replay(settings.queue, rule, selection)

    def keep_invisible(self, queue: str) -> int:
        """Extend the visibility timeout of messages with work in progress; returns how many were extended."""
        from ingest_project.ingestion.acknowledge import keep_invisible

        timeout = timedelta(seconds=self.settings.queue(queue).visibility_timeout_seconds)
        return keep_invisible(self.ledger, self.queue(queue), timeout=timeout)


@contextmanager
def _loading() -> Iterator[None]:
    """Keeps Python's search for cycles away from what is loaded here and was loaded before.

    Loading makes a million objects that stay. Without this the search goes through all of them several times
    while they are made, and again when the process ends.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        if not gc.get_freeze_count():  # once for each process: what is garbage by now stays, too
            gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def _accept(kind: str, given: Mapping[str, Any]) -> None:
    """Accepts every input."""


def _computes(table: TableSettings) -> bool:
    return bool(table.expectations) or any(
        one.sql or one.default is not None for one in (table.columns or {}).values()
    )
