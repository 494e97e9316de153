"""The ASGI app: operations, errors as problems, and the guard around them.

The ledger and SQS block: the operations are plain functions, in a pool of as many threads as the ledger has
connections.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ingest_project.api import job_routes, service_routes
from ingest_project.api.caller import Api
from ingest_project.api.deployment import LEDGER_IS_AWAY, QUEUE_IS_AWAY
from ingest_project.api.guard import Guard, notes_of
from ingest_project.api.openapi_parts import openapi_document
from ingest_project.api.problems import Problem, field_errors, refused, unavailable
from ingest_project.errors import (
    AuthorizerUnavailable,
    IngestError,
    JobRefused,
    LedgerAbsent,
    LedgerUnavailable,
    QueueUnavailable,
)
from ingest_project.settings.secrets import without_secrets

THREADS: Final = 15
"""SQLAlchemy's pool has 5 connections and 10 more: a further thread would only wait for one."""
AWAY: Final[tuple[tuple[type[IngestError], str], ...]] = (
    (LedgerUnavailable, LEDGER_IS_AWAY),
    (LedgerAbsent, LEDGER_IS_AWAY),
    (QueueUnavailable, QUEUE_IS_AWAY),
    (AuthorizerUnavailable, "who may use the API cannot be read"),
)

log = logging.getLogger(__name__)


def create_app(api: Api) -> FastAPI:
    """The app of a deployment."""
    app = described_app()
    app.state.api = api
    app.add_middleware(Guard, handled=api.metrics.handled)
    return app


def described_app() -> FastAPI:
    """The app without a deployment: enough for its OpenAPI document."""
    app = FastAPI(
        title="ingest_project jobs",
        version=version("ingest-project"),
        description="Ask for a job, follow it, fetch its result. Errors are RFC 9457 problems.",
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=_bounded_threads,
    )  # fmt: skip
    app.include_router(job_routes.router)
    app.include_router(service_routes.router)
    app.add_exception_handler(Problem, _answer)
    app.add_exception_handler(IngestError, _answer)
    app.add_exception_handler(RequestValidationError, _answer)
    app.add_exception_handler(HTTPException, _answer)

    @cache
    def openapi() -> dict[str, Any]:
        return openapi_document(app)

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to replace its document
    return app


def problem_of(error: Exception) -> Problem:
    """The problem that an exception is for the one who asks."""
    match error:
        case Problem():
            return error
        case JobRefused():
            return refused(error)
        case RequestValidationError():
            found = [one | {"loc": one["loc"][1:]} for one in error.errors()]
            return Problem("invalid-request", "correct what `errors` names", field_errors(found))
        case HTTPException(status_code=404):
            return Problem("not-found", "the API has no such path")
        case HTTPException(status_code=405):
            return Problem("method-not-allowed", "use another method", headers=error.headers)
        case HTTPException():
            return Problem("bad-request", "the request cannot be read")
    what = next((text for kind, text in AWAY if isinstance(error, kind)), "a service did not answer")
    log.warning("%s: %s", type(error).__name__, without_secrets(str(error)))
    return unavailable(what)


async def _answer(request: Request, error: Exception) -> Response:
    return problem_of(error).answer(notes_of(request).request_id)


@asynccontextmanager
async def _bounded_threads(_app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield
