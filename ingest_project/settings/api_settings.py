"""The HTTP API: where it listens, whom it trusts, and how much each of them may ask for.

Nothing here is a secret: tokens are in a file or in AWS Secrets Manager, as digests, and the keys of JWTs are
public.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ingest_project.settings.check_settings import length_of_time
from ingest_project.settings.document import Fault
from ingest_project.settings.names import matching
from ingest_project.settings.strict import Strict

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric ones only: with a symmetric one, whoever can verify a token can make one."""

_RATE = re.compile(r"([0-9]{1,6})/(.+)")
_NO_AUTHORIZER = (
    "nobody is authorized; add `tokens: {file: tokens.json}` (`ingest api token` makes it) or `jwt`, or, on "
    "a loopback host, `open: true`, which lets every program of this machine ask for every job"
)
_NOT_LOOPBACK = "`open: true` is only for a loopback host; set `host: 127.0.0.1`, or add `tokens` or `jwt`"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds; that many may come at once after a pause."""

    requests: int
    seconds: float


def rate_of(written: str) -> Rate:
    """The rate that a setting names; raises ValueError, with the remedy."""
    found = _RATE.fullmatch(written)
    if found is None or int(found[1]) == 0:
        raise ValueError("not a rate; write a number of requests and a length of time, like 600/1m")
    return Rate(int(found[1]), length_of_time(found[2]).total_seconds())


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_rate(written: str) -> str:
    rate_of(written)
    return written


def _checked_keys_url(url: str) -> str:
    parts = urlsplit(url)
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not is_secure or not parts.hostname or parts.username is not None:
        raise ValueError("not a URL of keys; write an https:// URL without a user or a password")
    return url


Host = Annotated[
    str, matching(r"[A-Za-z0-9.:-]{1,253}", "not a host; write an address, like 127.0.0.1, without a port")
]
SecretId = Annotated[
    str,
    matching(
        r"[A-Za-z0-9/_+=.@:-]{1,2048}",
        "not a secret of AWS Secrets Manager; write its name or its ARN, never the secret itself",
    ),
]


class TokensSettings(Strict):
    """Where the bearer tokens are: in a file, or in a secret of AWS Secrets Manager. Both have the same JSON.

    A changed file counts from the next request on, a changed secret within a minute.
    """

    file: str | None = Field(default=None, min_length=1)
    secret: SecretId | None = None

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.file is None) == (self.secret is None):
            raise ValueError("the tokens have one place; write either `file` or `secret`")
        return self


class JwtSettings(Strict):
    """The JWTs that are accepted: of this issuer, for this audience, signed by a key of its JWKS.

    Their `sub` is the requester, and the words of `scope` (or `scp`) are the scopes.
    """

    jwks_url: Annotated[str, AfterValidator(_checked_keys_url)] | None = None
    jwks_file: str | None = Field(default=None, min_length=1)
    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    algorithms: list[Algorithm] = Field(default=["RS256", "ES256"], min_length=1)

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.jwks_url is None) == (self.jwks_file is None):
            raise ValueError("the keys have one place; write either `jwks_url` or `jwks_file`")
        return self


class ApiSettings(Strict):
    """How `ingest api` serves jobs over HTTP.

    With neither `tokens` nor `jwt` it refuses to start, unless `open` says that this is meant; then it only
    listens on a loopback host. `rate_limit` and `max_body_bytes` count for each requester.
    """

    host: Host = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65_535)
    open: bool = False
    tokens: TokensSettings | None = None
    jwt: JwtSettings | None = None
    rate_limit: Annotated[str, AfterValidator(_checked_rate)] = "600/1m"
    max_body_bytes: int = Field(default=270_336, ge=1_024, le=1_048_576)

    @model_validator(mode="after")
    def _authorizes(self) -> Self:
        if fault := authorizer_fault(self, self.host):
            raise ValueError(fault)
        return self

    @property
    def rate(self) -> Rate:
        """What each requester may ask for."""
        return rate_of(self.rate_limit)


def authorizer_fault(api: ApiSettings, host: str) -> str | None:
    """Why the API may not listen on this host, with the remedy; None: it may."""
    if api.tokens is not None or api.jwt is not None:
        return "`open: true` and `tokens` or `jwt` contradict each other; remove one" if api.open else None
    if not api.open:
        return _NO_AUTHORIZER
    return None if is_loopback(host) else _NOT_LOOPBACK


def api_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """What must hold between `api` and the other sections, by the file's own values."""
    if values.get("api") is not None and values.get("jobs") is None:
        yield Fault(("api",), "there are no `jobs` to ask for; add them, if only as `jobs: {}`, or remove it")
