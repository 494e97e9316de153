"""What the kinds of jobs need of other rooms. `Services.job_kinds` makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ingest_project.ingestion.reconcile.reconcile import Listing, Reconcile
from ingest_project.ledger.ledger import Ledger
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.sources.routing import Router
from ingest_project.sources.s3.result_files import ResultFiles
from ingest_project.sources.s3.store import ObjectStore
from ingest_project.sources.sqs.queue import Queue

if TYPE_CHECKING:
    from ingest_project.iceberg.catalog import Lake
    from ingest_project.ingestion.rebuild import Rebuild
    from ingest_project.ledger.replay import Replayed


class Replay(Protocol):
    """Plans to read objects of a table again, for a job."""

    def __call__(self, table: str, *, uris: tuple[str, ...], whole: bool, for_job: str) -> "Replayed": ...


@dataclass(frozen=True, slots=True)
class JobKinds:
    """The collaborators of the built-in kinds in one deployment."""

    settings: Settings
    ledger: Ledger
    lake: "Lake"
    store: ObjectStore
    router: Router
    reconcile: Reconcile
    rebuild: "Rebuild"
    replay: Replay
    inventory: Callable[[str, TableSettings], Listing]
    queue: Callable[[str], Queue]
    result_files: ResultFiles
