"""How Alembic runs the migrations: in the transaction of `database.py`, with the ledger's version table."""

from alembic import context

from ingest_project.ledger.schema_version import VERSION_TABLE
from ingest_project.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    version_table=VERSION_TABLE,
)
context.run_migrations()
