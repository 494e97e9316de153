"""What every operation asks of a request before its own work: who sends it, how often, and with what body."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from ingest_project.api.authorizer import Authorizer
from ingest_project.api.deployment import Deployment
from ingest_project.api.guard import notes_of
from ingest_project.api.metrics import Metrics
from ingest_project.api.problems import Problem
from ingest_project.api.rate_limit import RateLimit
from ingest_project.api.requester import Requester
from ingest_project.settings.api_settings import is_loopback

BODY_SECONDS: Final = 30.0
_TOKEN = HTTPBearer(auto_error=False, description="A token of `ingest api token`, or a JWT.")


@dataclass(frozen=True, slots=True)
class Api:
    """All that the operations share, as `app.state.api`."""

    deployment: Deployment
    authorizer: Authorizer
    metrics: Metrics
    limit: RateLimit
    limit_of_strangers: RateLimit
    max_body_bytes: int


def shared(request: Request) -> Api:
    """What the operations share."""
    api: Api = request.app.state.api
    return api


Shared = Annotated[Api, Depends(shared)]


def caller(request: Request, api: Shared) -> Requester:
    """Who sends this request. Raises Problem if nobody that is known does, or too many requests."""
    if api.authorizer.is_open and not is_loopback(_host_name(request)):
        # A page elsewhere can give its own name the address 127.0.0.1, and would be of the same origin.
        raise Problem("wrong-host", "use http://127.0.0.1 or http://localhost with the port of the API")
    found = api.authorizer.requester(request.headers.getlist("authorization"))
    if found is None:
        _slow_down(api.limit_of_strangers, request.client.host if request.client else "")
        raise Problem(
            "unauthorized",
            "send `Authorization: Bearer` with a token that is valid",
            headers={"WWW-Authenticate": 'Bearer realm="ingest", error="invalid_token"'},
        )
    notes_of(request).requester = found.name
    _slow_down(api.limit, found.name)
    return found


Caller = Annotated[Requester, Depends(caller)]
BearerToken = Security(_TOKEN)
"""Only for the OpenAPI document: `caller` reads the header."""


@dataclass(frozen=True, slots=True)
class Received:
    """The body of a request, and who sent it."""

    requester: Requester
    body: bytes = field(repr=False)


async def limited_body(request: Request, api: Shared, requester: Caller) -> Received:
    """The JSON body of a known requester, read up to the limit and no further. Raises Problem."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem("not-json", "send `Content-Type: application/json`")
    too_large = Problem("body-too-large", f"it may have at most {api.max_body_bytes:,} bytes")
    claimed = request.headers.get("content-length", "0")
    if claimed.isdecimal() and int(claimed) > api.max_body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > api.max_body_bytes:
                    raise too_large
    except TimeoutError:
        raise Problem("body-timeout", f"send it within {BODY_SECONDS:.0f} seconds") from None
    return Received(requester, bytes(body))


Body = Annotated[Received, Depends(limited_body)]


def _slow_down(limit: RateLimit, name: str) -> None:
    if seconds := limit.seconds_to_wait(name):
        rate = f"{limit.rate.requests} requests in {limit.rate.seconds:g} s"
        detail = f"try again in {seconds} s; the limit is {rate}"
        raise Problem("too-many-requests", detail, headers={"Retry-After": str(seconds)})


def _host_name(request: Request) -> str:
    host = request.headers.get("host", "")
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
