"""What the OpenAPI document says beside what FastAPI finds in the models: bodies, problems and links."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ingest_project.api.answers import KIND_PATTERN, ProblemAnswer, SubmitJob
from ingest_project.api.problems import MEDIA_TYPE, TITLES
from ingest_project.ingestion.jobs.inputs import INPUTS

REF: Final = "#/components/schemas/{model}"

SUBMIT_BODY: Final[Mapping[str, Any]] = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": REF.format(model="SubmitJob")}}},
}
SUBMITTED_HEADERS: Final[Mapping[str, Any]] = {
    "Location": {"description": "Where its status is.", "schema": {"type": "string"}},
    "Retry-After": {"description": "When to ask for it, in seconds.", "schema": {"type": "integer"}},
}
JOB_LINKS: Final[Mapping[str, Any]] = {
    "status": {"operationId": "job_status", "parameters": {"job_id": "$response.body#/id"}},
    "cancel": {"operationId": "cancel_job", "parameters": {"job_id": "$response.body#/id"}},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that an operation may answer, for FastAPI's `responses`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}}
    described = {status: [title for of, title in TITLES.values() if of == status] for status in statuses}
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": "; or: ".join(titles), "content": content}
        for status, titles in described.items()
    }
    if 429 in found:
        found[429] = found[429] | {"headers": {"Retry-After": SUBMITTED_HEADERS["Retry-After"]}}
    return found


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the app."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document["components"]["schemas"]
    problem = ProblemAnswer.model_json_schema(ref_template=REF)
    schemas |= problem.pop("$defs")
    schemas["Problem"] = problem
    schemas["SubmitJob"] = _submit_schema(schemas)
    return document


def _submit_schema(schemas: dict[str, Any]) -> dict[str, Any]:
    """A request for one of the built-in kinds, or for another one, whose input only its job knows."""
    base = SubmitJob.model_json_schema()
    choices: list[dict[str, Any]] = []
    for kind, model in INPUTS.items():
        schema = model.model_json_schema(ref_template=REF)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
        choices.append(_choice({"const": kind}, {"$ref": REF.format(model=model.__name__)}, ["job", "input"]))
    own = {"type": "string", "pattern": KIND_PATTERN, "not": {"enum": list(INPUTS)}}
    choices.append(_choice(own, {"type": "object"}, ["job"]))
    return {"title": "SubmitJob", "description": base["description"], "oneOf": choices}


def _choice(job: Mapping[str, Any], given: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"job": job, "input": given},
        "required": required,
        "additionalProperties": False,
    }
