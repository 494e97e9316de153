"""The public keys that sign JWTs: a JWKS by URL or file, read again when its keys have changed."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from ingest_project.api.watched_file import MAX_BYTES, WatchedFile
from ingest_project.errors import AuthorizerUnavailable

FRESH_SECONDS = 600.0
REFETCH_SECONDS = 30.0
"""How long after an attempt the next one is made: whoever sends a token chooses the id of its key."""
STALE_SECONDS = 3_600.0
TIMEOUT_SECONDS = 5.0
MIN_RSA_BITS = 2_048

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key; `algorithm` is the only one that it may be used with, if the JWKS says so."""

    key: Any
    algorithm: str | None


Keys = dict[str | None, SigningKey]


class JwtKeys(Protocol):
    """Where the keys are."""

    def key(self, kid: str | None) -> SigningKey | None:
        """The key of this id; without an id, the only one. Raises AuthorizerUnavailable."""


def parse_keys(text: bytes) -> Keys:
    """The keys of a JWKS that can verify a signature, by their ids. Raises ValueError if it is not one.

    Symmetric keys, keys for encryption, and RSA keys that are too short are left out.
    """
    try:
        listed = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("not a JWKS") from None
    keys: Keys = {}
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and (key := _signing_key(one)) is not None:
            keys[one.get("kid")] = key
    if not keys:
        raise ValueError("it has no public key for signatures")
    return keys


def chosen(keys: Keys, kid: str | None) -> SigningKey | None:
    """The key of this id; without an id, the only one."""
    if kid is not None:
        return keys.get(kid)
    return next(iter(keys.values())) if len(keys) == 1 else None


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The keys of a file."""

    file: WatchedFile[Keys]

    def key(self, kid: str | None) -> SigningKey | None:
        return chosen(self.file.value(), kid)


@dataclass(slots=True)
class KeyUrl:
    """The keys of a URL. Safe to share among threads: one of them asks, the others wait for the answer."""

    fetch: Callable[[], bytes] = field(repr=False)
    monotonic: Callable[[], float] = time.monotonic
    _lock: Lock = field(default_factory=Lock, repr=False)
    _keys: Keys | None = field(default=None, repr=False)
    _fetched_at: float = 0.0
    _tried_at: float | None = None

    def key(self, kid: str | None) -> SigningKey | None:
        with self._lock:
            now = self.monotonic()
            is_fresh = self._keys is not None and now - self._fetched_at < FRESH_SECONDS
            if not is_fresh or chosen(self._keys or {}, kid) is None:
                self._refresh(now)
            if self._keys is None:
                raise AuthorizerUnavailable("the JWKS cannot be fetched")
            return chosen(self._keys, kid)

    def _refresh(self, now: float) -> None:
        if self._tried_at is not None and now - self._tried_at < REFETCH_SECONDS:
            return
        self._tried_at = now
        try:
            self._keys, self._fetched_at = parse_keys(self.fetch()), now
        except (AuthorizerUnavailable, ValueError) as error:
            log.warning("the JWKS cannot be used: %s", error)
            if now - self._fetched_at >= STALE_SECONDS:
                self._keys = None


def key_file(path: Path) -> KeyFile:
    """The keys of a file, read again whenever it has changed."""
    return KeyFile(WatchedFile(path, parse_keys))


def key_url(url: str) -> KeyUrl:
    """The keys of a URL, fetched on first use."""

    def fetch() -> bytes:
        import httpx

        try:
            with httpx.stream("GET", url, timeout=TIMEOUT_SECONDS, follow_redirects=False) as answer:
                answer.raise_for_status()
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > MAX_BYTES:
                        raise AuthorizerUnavailable(f"the JWKS has more than {MAX_BYTES:,} bytes")
                return body
        except httpx.HTTPError as error:
            raise AuthorizerUnavailable(f"the JWKS cannot be fetched: {type(error).__name__}") from None

    return KeyUrl(fetch)


def _signing_key(given: dict[str, Any]) -> SigningKey | None:
    if given.get("kty") not in {"RSA", "EC", "OKP"} or given.get("use", "sig") != "sig":
        return None
    kid = given.get("kid")
    if "d" in given or not (kid is None or isinstance(kid, str)):
        return None
    try:
        key = PyJWK.from_dict(given).key
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if given["kty"] == "RSA" and key.key_size < MIN_RSA_BITS:
        return None
    return SigningKey(key, given.get("alg"))
