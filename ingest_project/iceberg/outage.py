"""Translates errors of the catalog and the warehouse, without the secrets that their texts may quote."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from pyiceberg.exceptions import DynamoDbError, RESTError, WaitingForLockException

from ingest_project.errors import CatalogUnavailable, IngestError
from ingest_project.settings.secrets import HIDDEN, names_a_secret, without_secrets

# The settings choose the backend, and this room may not import its libraries (sqlalchemy is the ledger's), so
# an error is recognised by the library that it comes from.
_BACKENDS = frozenset({"sqlalchemy", "botocore", "requests", "urllib3", "thrift", "google"})
_LONGEST_REASON = 300


class Outages:
    """Turns outages of one catalog and its warehouse into CatalogUnavailable."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        self._secrets = sorted(_secrets_in(properties), key=len, reverse=True)

    @contextmanager
    def translated(self, table: str) -> Iterator[None]:
        """Raises CatalogUnavailable for an outage inside the block; every other error passes as it is."""
        try:
            yield
        except IngestError:
            raise
        except Exception as error:  # every driver has classes of its own; `is_outage` recognises them
            if not is_outage(error):
                raise
            raise self.unavailable(table, error) from error

    def unavailable(self, table: str, error: Exception) -> CatalogUnavailable:
        """The error to raise for this one: its text in one line, without the catalog's secrets."""
        reason = (str(error).strip().splitlines() or [""])[0]
        for secret in self._secrets:
            reason = reason.replace(secret, HIDDEN)
        reason = without_secrets(reason)
        return CatalogUnavailable(
            table, f"the catalog or warehouse failed: {type(error).__name__}: {reason[:_LONGEST_REASON]}"
        )


def is_outage(error: BaseException) -> bool:
    """Whether this error means that the catalog or the warehouse failed, not that our request was wrong."""
    if isinstance(error, OSError | RESTError | DynamoDbError | WaitingForLockException):
        return True
    return any(kind.__module__.partition(".")[0] in _BACKENDS for kind in type(error).__mro__)


def _secrets_in(properties: Mapping[str, str]) -> Iterator[str]:
    for key, value in properties.items():
        if value and names_a_secret(key):
            yield value
    uri = properties.get("uri", "")
    if password := urlsplit(uri).password:
        yield from {uri, password, unquote(password)}
