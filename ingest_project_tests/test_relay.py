"""The relay lets a COMMIT through and swallows its answer."""

import os

import pytest
import sqlalchemy as sa

from ingest_project_tests import databases

needs_postgres = pytest.mark.skipif(
    databases.SERVER_VARIABLE not in os.environ, reason=f"{databases.SERVER_VARIABLE} is not set"
)


@needs_postgres
def test_commit_whose_answer_is_lost_is_made_without_the_client_knowing() -> None:
    made = databases.relayed(databases.postgres())
    engine = sa.create_engine(made.url_for_project("ledger"), poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("create table t (x int)"))
        made.relays["ledger"].swallow(after=0)

        with pytest.raises(sa.exc.OperationalError), engine.begin() as connection:
            connection.execute(sa.text("insert into t values (1)"))

        assert made.relays["ledger"].swallowed
        with made.ledger.connect() as connection:
            assert connection.scalar(sa.text("select count(*) from t")) == 1
        with engine.begin() as connection:
            connection.execute(sa.text("insert into t values (2)"))
    finally:
        engine.dispose()
        made.close()
