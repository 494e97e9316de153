"""Requesters whose bearer token is a JWT: signed by a key of the JWKS, of this issuer, for this audience."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.exceptions import PyJWTError

from ingest_project.api.jwt_keys import JwtKeys
from ingest_project.api.requester import SCOPE, Requester
from ingest_project.settings.api_settings import JwtSettings

LEEWAY_SECONDS: Final = 10
REQUIRED: Final = ("exp", "iss", "aud", "sub")
_SUBJECT = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class JwtRequesters:
    """Knows whose a JWT is."""

    settings: JwtSettings
    keys: JwtKeys

    def requester(self, token: str) -> Requester | None:
        """Whose token this is, by its `sub`; None if it is not valid. Raises AuthorizerUnavailable.

        The name begins with `jwt:`, so that nobody has the name of another's token in the file.
        """
        try:
            claims = self._claims(token)
        except (PyJWTError, ValueError, TypeError, RecursionError):
            return None
        if claims is None or not _SUBJECT.fullmatch(claims["sub"]):
            return None
        return Requester(f"jwt:{claims['sub']}", _scopes(claims))

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        header = jwt.get_unverified_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self.settings.algorithms or not (kid is None or isinstance(kid, str)):
            return None
        key = self.keys.key(kid)
        if key is None or key.algorithm not in {None, algorithm}:
            return None
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            audience=self.settings.audience,
            issuer=self.settings.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": list(REQUIRED)},
        )
        return claims


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """The scopes of the token that are ours: a text of words (`scope`), or a list (`scp`)."""
    given = claims.get("scope", claims.get("scp", ""))
    words = given.split() if isinstance(given, str) else given
    if not isinstance(words, list):
        return frozenset()
    return frozenset(one for one in words if isinstance(one, str) and SCOPE.fullmatch(one))
