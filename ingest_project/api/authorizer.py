"""Says who sends a request, by its header Authorization."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest_project.api.requester import ANYBODY, Requester
from ingest_project.api.tokens import MAX_TOKEN_BYTES, Tokens, token_file
from ingest_project.settings.clocks import Clock, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest_project.api.jwt_requesters import JwtRequesters
    from ingest_project.settings.api_settings import ApiSettings


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Tokens and JWTs; with neither, everybody is one requester who may do everything."""

    tokens: Tokens | None = None
    jwts: "JwtRequesters | None" = None

    @property
    def is_open(self) -> bool:
        return self.tokens is None and self.jwts is None

    def requester(self, headers: Sequence[str]) -> Requester | None:
        """Who sends a request with these headers Authorization; None: nobody that is known.

        Raises AuthorizerUnavailable if that cannot be known now.
        """
        if self.is_open:
            return ANYBODY
        token = bearer_token(headers)
        if token is None:
            return None
        found = None if self.tokens is None else self.tokens.requester(token)
        if found is None and self.jwts is not None:
            found = self.jwts.requester(token)
        return found


def bearer_token(headers: Sequence[str]) -> str | None:
    """The token of `Authorization: Bearer ...`; None if there is none, or more than one header."""
    if len(headers) != 1:
        return None
    scheme, _, token = headers[0].partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_BYTES or not token.isascii():
        return None
    return token


def opened_authorizer(
    api: "ApiSettings", read_secret: "Callable[[str], str]", clock: Clock = utc_now
) -> Authorizer:
    """The authorizer of the settings. `read_secret` gives the text of a secret of AWS Secrets Manager."""
    tokens = jwts = None
    if api.tokens is not None and api.tokens.file is not None:
        tokens = Tokens(token_file(Path(api.tokens.file)), clock)
    elif api.tokens is not None and (secret := api.tokens.secret) is not None:
        from ingest_project.api.secret_tokens import SecretTokens

        tokens = Tokens(SecretTokens(lambda: read_secret(secret)), clock)
    if api.jwt is not None:
        from ingest_project.api.jwt_keys import key_file, key_url
        from ingest_project.api.jwt_requesters import JwtRequesters

        keys = key_url(api.jwt.jwks_url) if api.jwt.jwks_url else key_file(Path(api.jwt.jwks_file or ""))
        jwts = JwtRequesters(api.jwt, keys)
    return Authorizer(tokens, jwts)
