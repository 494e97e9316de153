"""`ingest api`: puts the app together from the settings, and serves it until it is told to end."""

import logging
import signal
import socket
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

import uvicorn
from fastapi import FastAPI

from ingest_project.api.app import create_app
from ingest_project.api.authorizer import opened_authorizer
from ingest_project.api.caller import Api
from ingest_project.api.deployment import Deployment
from ingest_project.api.metrics import Metrics
from ingest_project.api.rate_limit import RateLimit
from ingest_project.errors import IngestError, SettingsError
from ingest_project.ledger.job_model import JobCounts
from ingest_project.services import Services
from ingest_project.settings.api_settings import ApiSettings, Rate, authorizer_fault
from ingest_project.settings.clocks import utc_now
from ingest_project.settings.model import Settings

if TYPE_CHECKING:
    from ingest_project.ingestion.jobs.inputs import CheckOwn

STRANGERS: Final = Rate(30, 60.0)
"""How many requests without a valid token one address may send; those with one do not count."""
GRACE_SECONDS: Final = 30
IDLE_SECONDS: Final = 15


def open_api(settings: Settings) -> Api:
    """The parts of the app, by the settings. Raises SettingsError if they have no `api` or no `jobs`."""
    found = _api_settings(settings)
    services = Services(settings, check_own_input=_check_of_own_kinds(settings))
    deployment = Deployment(services)

    def count_jobs(since: datetime) -> list[JobCounts]:
        return deployment.jobs().ledger.jobs.counts(since=since)

    return Api(
        deployment=deployment,
        authorizer=opened_authorizer(found, deployment.read_secret),
        metrics=Metrics(settings.jobs.names if settings.jobs else (), count_jobs, utc_now),
        limit=RateLimit(found.rate),
        limit_of_strangers=RateLimit(STRANGERS),
        max_body_bytes=found.max_body_bytes,
    )


def serve(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    listens: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve until SIGTERM or SIGINT; what is in progress then has 30 seconds to end.

    `listens` is told the URL when the port is bound. Raises SettingsError, and IngestError if the port is
    taken.
    """
    found = _api_settings(settings)
    host, port = host or found.host, found.port if port is None else port
    if fault := authorizer_fault(found, host):
        raise SettingsError([f"api: {fault}"])
    app = create_app(open_api(settings))
    _log_to_stdout()
    # uvicorn raises the signal again after it has ended in good order; SIGTERM would then kill the process.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        listens(f"http://{shown}:{listener.getsockname()[1]}")
        server_of(app).run(sockets=[listener])


def server_of(app: FastAPI) -> uvicorn.Server:
    """The server of this app."""
    # h11, not httptools: it bounds the size of a request's headers.
    config = uvicorn.Config(
        app, http="h11", ws="none", log_config=None, access_log=False, server_header=False,
        proxy_headers=False, timeout_keep_alive=IDLE_SECONDS, timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip
    return uvicorn.Server(config)


def _api_settings(settings: Settings) -> ApiSettings:
    if settings.api is None:
        remedy = "add `api: {tokens: {file: tokens.json}}`; see docs/jobs.md"
        raise SettingsError([f"api: the settings do not have it; {remedy}"])
    if settings.jobs is None:
        raise SettingsError(["jobs: the settings do not have them; add `jobs: {}` and a queue for them"])
    return settings.api


def _check_of_own_kinds(settings: Settings) -> "CheckOwn | None":
    """The check of users' own kinds, for which Dagster has to load them; None if there are none."""
    if settings.jobs is None or not settings.jobs.kinds:
        return None
    from ingest_project.defs.job_inputs import own_input_check

    return own_input_check(settings)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises IngestError if the port is taken."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1_024)
    except OSError as error:
        raise IngestError(
            f"port {port} of {host} cannot be used: {error.strerror}. End the program that listens there, or "
            "choose another port with --port"
        ) from error


def _log_to_stdout() -> None:
    """One JSON object per request on stdout, everything else on stderr."""
    access = logging.getLogger("ingest_project.api.access")
    access.handlers = [logging.StreamHandler(sys.stdout)]
    access.setLevel(logging.INFO)
    access.propagate = False
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
