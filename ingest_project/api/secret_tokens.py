"""The list of tokens in AWS Secrets Manager."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from ingest_project.api.tokens import TokenEntry, parse_tokens
from ingest_project.errors import AuthorizerUnavailable

FRESH_SECONDS = 60.0
STALE_SECONDS = 900.0
"""How long the last list is used while Secrets Manager does not answer: tokens may have been revoked."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class SecretTokens:
    """The tokens of a secret, asked for again after a minute. Safe to share among threads.

    `read` gives the secret's text, and raises AuthorizerUnavailable.
    """

    read: Callable[[], str] = field(repr=False)
    monotonic: Callable[[], float] = time.monotonic
    _lock: Lock = field(default_factory=Lock, repr=False)
    _entries: tuple[TokenEntry, ...] | None = field(default=None, repr=False)
    _read_at: float = 0.0
    _tried_at: float = 0.0

    def value(self) -> tuple[TokenEntry, ...]:
        """The entries, at most a minute old if Secrets Manager answers. Raises AuthorizerUnavailable."""
        with self._lock:
            now = self.monotonic()
            if self._entries is None or now - self._tried_at >= FRESH_SECONDS:
                self._refresh(now)
            if self._entries is None:
                raise AuthorizerUnavailable("AWS Secrets Manager did not give the tokens")
            return self._entries

    def _refresh(self, now: float) -> None:
        self._tried_at = now
        try:
            self._entries = parse_tokens(self.read())
            self._read_at = now
        except ValueError as error:
            self._entries = None
            raise AuthorizerUnavailable(f"the secret is not a list of tokens: {error}") from None
        except AuthorizerUnavailable as error:
            if self._entries is None or now - self._read_at >= STALE_SECONDS:
                self._entries = None
                raise
            log.warning("%s; the tokens of %.0f s ago are used", error, now - self._read_at)
