"""The versions of the ledger's schema, by Alembic."""
