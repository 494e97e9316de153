"""How Alembic runs the ledger's migrations: inside the transaction that `database.py` opened."""

from alembic import context

from ingest_project.batches.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
