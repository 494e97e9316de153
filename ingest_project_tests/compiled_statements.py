"""A cache of compiled SQL for all engines of the tests' process.

An engine compiles each statement once, and each test opens engines of its own: compiling would take half the
time of the ledger's tests.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache

CAPACITY = 5_000


class _SharedCache(LRUCache[Any, Any]):
    """SQLAlchemy's own cache, with dialects compared by what they compile instead of by identity."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_by_dialect(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_by_dialect(key), value)


@contextmanager
def compiled_once() -> Iterator[None]:
    """Within the block, what one engine has compiled is not compiled again for another of the same kind."""
    shared = _SharedCache(CAPACITY)

    def share(connection: sa.Connection) -> None:
        connection.execution_options(compiled_cache=shared)

    sa.event.listen(sa.Engine, "engine_connect", share)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "engine_connect", share)


def _by_dialect(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect: Dialect = key[0]
    return (type(dialect), dialect.paramstyle, getattr(dialect, "server_version_info", None), *key[1:])
