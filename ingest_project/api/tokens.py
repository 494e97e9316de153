"""Bearer tokens: whose they are, what they may do, and until when.

They are kept as SHA-256 digests. A token has 256 random bits, so that its digest cannot be turned back by
guessing, and a slow hash would only slow each request down. The list is JSON:

    {"tokens": [{"name": "airflow", "sha256": "...", "scopes": ["job:ingest", "table:*"]}]}

Several entries may have one name: that is how a token is replaced without a gap.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from ingest_project.api.requester import SCOPE, Requester
from ingest_project.api.watched_file import WatchedFile
from ingest_project.settings.clocks import Clock

PREFIX: Final = "ingest_"
"""What our tokens begin with, so that scanners for leaked secrets can find them."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
MAX_TOKEN_BYTES = 8_192


def _checked_scope(scope: str) -> str:
    if not SCOPE.fullmatch(scope):
        raise ValueError("not a scope")
    return scope


class TokenEntry(BaseModel):
    """One token: the digest of its text, never the text."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(pattern=rf"^{NAME.pattern}$")]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(repr=False)
    scopes: list[Annotated[str, AfterValidator(_checked_scope)]]
    expires_at: AwareDatetime | None = None

    @property
    def digest(self) -> bytes:
        return bytes.fromhex(self.sha256)


class TokenList(BaseModel):
    """The content of a tokens file, or of a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    tokens: list[TokenEntry] = Field(max_length=10_000)


class TokenSource(Protocol):
    """Where the list of tokens is."""

    def value(self) -> Sequence[TokenEntry]:
        """The entries as they are now. Raises AuthorizerUnavailable."""


def parse_tokens(text: bytes | str) -> tuple[TokenEntry, ...]:
    """The entries of a list. Raises ValueError, which names the entry and never repeats a value."""
    try:
        return tuple(TokenList.model_validate_json(text).tokens)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(step) for step in first["loc"]) or "the file"
        raise ValueError(f"{path}: {first['msg']}") from None


def token_file(path: Path) -> WatchedFile[tuple[TokenEntry, ...]]:
    """The tokens of a file, read again whenever it has changed."""
    return WatchedFile(path, parse_tokens)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Knows whose a token is."""

    source: TokenSource
    clock: Clock

    def requester(self, token: str) -> Requester | None:
        """Whose token this is; None if it is nobody's, or has expired. Raises AuthorizerUnavailable.

        The time does not depend on how much of the token is right, nor on its place in the list.
        """
        digest = hashlib.sha256(token.encode()).digest()
        found: TokenEntry | None = None
        for entry in self.source.value():
            if hmac.compare_digest(entry.digest, digest):
                found = entry
        if found is None or (found.expires_at is not None and found.expires_at <= self.clock()):
            return None
        return Requester(found.name, frozenset(found.scopes))


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token, which is told once, and its entry, which is kept."""

    token: str = field(repr=False)
    entry: dict[str, Any]


def new_token(name: str, scopes: Sequence[str], expires_at: datetime | None) -> NewToken:
    """A random token. Raises ValueError if the name or a scope is not valid."""
    if not NAME.fullmatch(name):
        raise ValueError("not a name of a requester; use up to 64 letters, digits, ., _, @ and -")
    if wrong := [one for one in scopes if not SCOPE.fullmatch(one)]:
        raise ValueError(
            f"{wrong[0]!r} is not a scope; write job:KIND, job:*, table:NAME, table:*, jobs:read_all, "
            "jobs:cancel_all or metrics"
        )
    token = PREFIX + secrets.token_urlsafe(32)
    entry = {
        "name": name,
        "sha256": hashlib.sha256(token.encode()).hexdigest(),
        "scopes": list(scopes),
        "expires_at": None if expires_at is None else expires_at.isoformat(),
    }
    return NewToken(token, entry)


def add_to_file(path: Path, entry: dict[str, Any], *, replaces: bool) -> None:
    """Add an entry to a file of tokens; `replaces` removes the others of its name. Creates an absent file.

    Raises ValueError if the file is not a list of tokens, and OSError.
    """
    kept: list[dict[str, Any]] = []
    if path.exists():
        text = path.read_bytes()
        parse_tokens(text)
        kept = json.loads(text)["tokens"]
    if replaces:
        kept = [one for one in kept if one["name"] != entry["name"]]
    # Readers see the old list or the new one, never half of one.
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(fresh, "x", opener=partial(os.open, mode=0o600)) as file:
        file.write(json.dumps({"tokens": [*kept, entry]}, indent=2) + "\n")
    fresh.replace(path)
