"""The operations around the jobs: health, metrics, the document of the API, the page."""

from functools import cache
from importlib import resources
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from ingest_project.api.answers import Health
from ingest_project.api.caller import BearerToken, Caller, Shared
from ingest_project.api.metrics import CONTENT_TYPE
from ingest_project.api.openapi_parts import problems
from ingest_project.api.problems import FieldError, Problem

router = APIRouter()
TEXT: Final = {"schema": {"type": "string"}}

PAGE_FILES = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


@router.get("/healthz", operation_id="healthz", summary="Whether the process answers")
async def healthz() -> Health:
    """Needs no thread, no ledger and no queue."""
    return Health()


@router.get(
    "/readyz", operation_id="readyz", summary="Whether ledger and queue answer", responses=problems(503)
)
def readyz(api: Shared) -> Health:
    """Asks them at most once in five seconds."""
    if faults := api.deployment.faults():
        errors = [FieldError(name, reason) for name, reason in faults.items()]
        raise Problem("unavailable", "see `errors`", errors, {"Retry-After": "5"})
    return Health()


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Metrics for Prometheus",
    dependencies=[BearerToken],
    response_class=Response,
    responses={
        200: {"description": "Prometheus' text format.", "content": {"text/plain": TEXT}},
        **problems(401, 403, 421, 429),
    },
)
def metrics(api: Shared, requester: Caller) -> Response:
    """Needs the scope `metrics`."""
    if not requester.reads_metrics:
        raise Problem("missing-scope", "the scope metrics is needed")
    return Response(api.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Request) -> JSONResponse:
    document: dict[str, Any] = request.app.openapi()
    return JSONResponse(document)


@router.get("/", include_in_schema=False)
async def page() -> Response:
    return Response(page_file("page.html"), media_type="text/html; charset=utf-8")


@router.get("/page/{name}", include_in_schema=False)
async def page_part(name: str) -> Response:
    if name not in PAGE_FILES:
        raise Problem("not-found", "the page has no such file")
    return Response(page_file(name), media_type=PAGE_FILES[name])


@cache
def page_file(name: str) -> bytes:
    """A file of the page, from the package."""
    return resources.files("ingest_project.api").joinpath("page", name).read_bytes()
