"""The demo's deployment: the project's own ingest.yaml, on the embedded AWS, with all of its state in one folder."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest_project.demo.embedded_aws import CREDENTIAL, HOST, REGION
from ingest_project.demo.landing import BUCKET
from ingest_project.demo.sample_data import TABLES
from ingest_project.errors import SettingsError
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project.settings.model import Settings

TOP = Path(__file__).parents[2]
"""The folder of ingest.yaml, dagster.yaml and pyproject.toml."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The folder of the demo's state, and the services on it."""

    folder: Path
    services: Services

    @property
    def catalog(self) -> Path:
        """The SQLite file of the Iceberg catalog."""
        return self.folder / "catalog.db"

    @property
    def dagster_log(self) -> Path:
        """Where the output of `dagster dev` goes."""
        return self.folder / "dagster.log"


def state_dir() -> Path:
    """The folder of the demo's state: `demo` in the one where ingest.yaml keeps its own."""
    return (TOP / (os.environ.get("INGEST_STATE_DIR") or ".dagster")).absolute() / "demo"


@contextmanager
def fresh_state_dir(folder: Path) -> Iterator[Path]:
    """The folder, emptied, and kept from other demos while the block runs.

    It outlives the block, for those who want to look. Raises SettingsError if another demo is running in it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError([f"{folder}: another demo is running; end it with Ctrl-C first"]) from error
        shutil.rmtree(folder, ignore_errors=True)
        home = folder / "home"
        home.mkdir(parents=True)
        (home / "dagster.yaml").symlink_to(TOP / "dagster.yaml")
        yield folder


@contextmanager
def deployment(
    folder: Path, *, endpoint: str, queue_url: str, config: Path = TOP / "ingest.yaml"
) -> Iterator[Deployment]:
    """The services of ingest.yaml, on this AWS; meanwhile this process, and what it starts, has their environment.

    Raises SettingsError if ingest.yaml is not sound, or keeps anything elsewhere than the demo may write.
    """
    earlier = dict(os.environ)
    _set_environment(_environment(earlier, folder, config=config, endpoint=endpoint, queue_url=queue_url))
    try:
        settings = load_settings(config)
        _check_confined(settings, folder, config=config, queue_url=queue_url)
        services = Services(settings)
        with closing(services.ledger), closing(services.lake):
            yield Deployment(folder, services)
    finally:
        _set_environment(earlier)


def _environment(
    earlier: Mapping[str, str], folder: Path, *, config: Path, endpoint: str, queue_url: str
) -> dict[str, str]:
    """The environment without anything that leads to a real account or to another deployment."""
    ours = ("AWS_", "DAGSTER_", "INGEST_", "LANDING_")
    kept = {name: value for name, value in earlier.items() if not name.startswith(ours)}
    return {
        **kept,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": HOST,
        "no_proxy": HOST,
        "DAGSTER_HOME": str(folder / "home"),
        "INGEST_CONFIG": str(config),
        "INGEST_STATE_DIR": str(folder),
        "LANDING_BUCKET": BUCKET,
        "LANDING_QUEUE_URL": queue_url,
        "POLARS_ICEBERG_PLANNER": "pyiceberg",  # otherwise Polars warns that a faster one is not installed
    }


def _set_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _check_confined(settings: Settings, folder: Path, *, config: Path, queue_url: str) -> None:
    """ingest.yaml is for people to change; changed, it might lead the demo to a real database or a real queue."""
    catalog = settings.catalog.properties
    confined = (
        settings.ledger.url == f"sqlite:///{folder / 'ledger.db'}"
        and catalog.get("uri") == f"sqlite:///{folder / 'catalog.db'}"
        and catalog.get("warehouse") == f"file://{folder / 'warehouse'}"
        and settings.aws.role_arn is None
        and settings.aws.endpoint_url is None
        and [queue.url for queue in settings.queues] == [queue_url]
    )
    if not confined or {table.name for table in settings.tables} != set(TABLES):
        remedy = "put yours elsewhere and name it in INGEST_CONFIG"
        raise SettingsError([f"{config}: the demo needs this file as the project brings it; {remedy}"])
