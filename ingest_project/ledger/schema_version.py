"""The version of the ledger's schema: which one a database has, and how it is migrated to the newest.

Alembic's default table for it is `alembic_version`, which Dagster's own storage uses. The ledger has another
table, so that both can be in one schema of one database.
"""

from functools import lru_cache
from importlib.resources import files

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ingest_project.ledger.tables import object_versions

VERSION_TABLE = "ingest_ledger_version"
_SHARED = sa.table("alembic_version", sa.column("version_num", sa.Text))


def current_revision(connection: sa.Connection) -> str | None:
    """The schema version of this database; None if it has none, or if it is still in `alembic_version`."""
    return _context(connection).get_current_revision()


def has_ledger(connection: sa.Connection) -> bool:
    """Whether there is a ledger in this database, whichever table has its version."""
    return (current_revision(connection) or _shared_revision(connection)) is not None


def migrate(connection: sa.Connection) -> None:
    """Migrate the schema to the newest version. The caller's transaction holds the lock for migrations."""
    if current_revision(connection) is None and (shared := _shared_revision(connection)):
        _move(connection, shared)
    config = Config()
    config.set_main_option("script_location", _migrations().replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@lru_cache(maxsize=1)
def newest_revision() -> str | None:
    """The schema version that this code needs."""
    return ScriptDirectory(_migrations()).get_current_head()


def known_revisions() -> set[str]:
    """All schema versions that this code can migrate."""
    return {script.revision for script in ScriptDirectory(_migrations()).walk_revisions()}


def _shared_revision(connection: sa.Connection) -> str | None:
    """Our revision in the table that earlier versions shared with Dagster.

    Other programs may use the same numbers: without the ledger's tables, no revision is ours. The shared
    table, which may belong to another database user, is not read then.
    """
    inspector = sa.inspect(connection)
    if not all(inspector.has_table(name) for name in (object_versions.name, _SHARED.name)):
        return None
    known = known_revisions()
    return next((one for one in connection.scalars(sa.select(_SHARED.c.version_num)) if one in known), None)


def _move(connection: sa.Connection, revision: str) -> None:
    """Move our row out of the shared table. The table stays, even if empty: Dagster may soon use it."""
    _context(connection).stamp(ScriptDirectory(_migrations()), revision)
    connection.execute(sa.delete(_SHARED).where(_SHARED.c.version_num == revision))


def _context(connection: sa.Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})


def _migrations() -> str:
    return str(files("ingest_project.ledger") / "migrations")
