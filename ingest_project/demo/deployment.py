"""The demo's deployment: its own settings, the embedded AWS, and its state in a folder or in PostgreSQL."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest_project.demo.databases import Databases
from ingest_project.demo.embedded_aws import CREDENTIAL, HOST, REGION
from ingest_project.demo.landing import BUCKET, RESULTS_BUCKET
from ingest_project.demo.sample_data import CLICKS, DEVICES, ORDERS, first_partitions
from ingest_project.errors import SettingsError
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project.settings.private_files import make_private_folder

TOP = Path(__file__).parents[2]
"""The folder of dagster.yaml and pyproject.toml."""
SETTINGS = Path(__file__).with_name("demo.yaml")
DAGSTER_STORAGE = "\nstorage: {postgres: {postgres_url: {env: DEMO_DAGSTER_URL}}}\n"
FIRST_PARTITIONS = {ORDERS: "DEMO_FIRST_DAY", CLICKS: "DEMO_FIRST_HOUR", DEVICES: "DEMO_FIRST_MONTH"}
"""The variables of demo.yaml from which each table's partitions start."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The folder of the demo's state, and the services on it."""

    folder: Path
    databases: Databases
    services: Services

    @property
    def api_log(self) -> Path:
        """Where the output of `ingest api` goes."""
        return self.folder / "api.log"

    @property
    def dagster_log(self) -> Path:
        """Where the output of `dagster dev` goes."""
        return self.folder / "dagster.log"


def state_dir() -> Path:
    """The folder of the demo's state: `demo` in .dagster, or in $INGEST_STATE_DIR."""
    return (TOP / (os.environ.get("INGEST_STATE_DIR") or ".dagster")).absolute() / "demo"


@contextmanager
def fresh_state_dir(folder: Path) -> Iterator[Path]:
    """The folder, emptied, and locked against other demos while the block runs.

    It stays after the block, to be looked at. Raises SettingsError if another demo is running in it.
    """
    make_private_folder(folder.parent)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError([f"{folder}: another demo is running; end it with Ctrl-C first"]) from error
        shutil.rmtree(folder, ignore_errors=True)
        make_private_folder(folder)
        (folder / "home").mkdir()
        yield folder


@contextmanager
def deployment(
    folder: Path, databases: Databases, *, endpoint: str, queue_urls: Mapping[str, str], now: datetime
) -> Iterator[Deployment]:
    """The demo's services, on this AWS; inside the block this process has their environment."""
    _write_dagster_yaml(folder / "home", databases)
    earlier = dict(os.environ)
    environment = {
        **_environment(earlier, folder, endpoint=endpoint),
        **{f"{name.upper()}_QUEUE_URL": url for name, url in queue_urls.items()},
        **_database_variables(databases),
        **{
            FIRST_PARTITIONS[table]: f"{start:%Y-%m-%dT%H:%M}"
            for table, start in first_partitions(now).items()
        },
    }
    _set_environment(environment)
    try:
        services = Services(load_settings(SETTINGS))
        with closing(services.ledger), closing(services.lake):
            yield Deployment(folder, databases, services)
    finally:
        _set_environment(earlier)


def _write_dagster_yaml(home: Path, databases: Databases) -> None:
    """Writes the project's dagster.yaml, with the storage if it is not in Dagster's home.

    The URL is not written.
    """
    own = (TOP / "dagster.yaml").read_text(encoding="utf-8")
    storage = "" if databases.dagster_url is None else DAGSTER_STORAGE
    (home / "dagster.yaml").write_text(own + storage, encoding="utf-8")


def _database_variables(databases: Databases) -> dict[str, str]:
    named = {
        "DEMO_LEDGER_URL": databases.ledger_url,
        "DEMO_CATALOG_URI": databases.catalog_uri,
        "DEMO_DAGSTER_URL": databases.dagster_url,
    }
    return {name: url for name, url in named.items() if url is not None}


def _environment(earlier: Mapping[str, str], folder: Path, *, endpoint: str) -> dict[str, str]:
    """The environment, without variables that could lead to a real account or to another deployment."""
    ours = ("AWS_", "DAGSTER_", "DEMO_", "INGEST_", "LANDING_", "EVENTS_", "REQUESTS_", "RESULTS_")
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
        "INGEST_CONFIG": str(SETTINGS),
        "INGEST_STATE_DIR": str(folder),
        "LANDING_BUCKET": BUCKET,
        "RESULTS_BUCKET": RESULTS_BUCKET,
        "POLARS_ICEBERG_PLANNER": "pyiceberg",  # otherwise Polars warns that a faster one is not installed
    }


def _set_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
