"""Outages are distinguished from mistakes, and their texts do not quote secrets."""

import sqlite3

import pytest
import requests
import sqlalchemy.exc
from pyiceberg.exceptions import CommitStateUnknownException, ServiceUnavailableError

from ingest_project.errors import BatchNotFound, CatalogUnavailable
from ingest_project.iceberg.outage import Outages, is_outage


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("refused"),
        ServiceUnavailableError("503"),
        CommitStateUnknownException("502"),
        TimeoutError("late"),
        sqlalchemy.exc.OperationalError("UPDATE ...", {}, sqlite3.OperationalError("database is locked")),
    ],
)
def test_a_backend_that_does_not_answer_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("no"), TypeError("no")])
def test_a_mistake_of_ours_is_not_an_outage(error: Exception) -> None:
    assert not is_outage(error)
    with pytest.raises(type(error)), Outages({}).translated("t"):
        raise error


def test_our_own_errors_pass_unchanged() -> None:
    with pytest.raises(BatchNotFound), Outages({}).translated("t"):
        raise BatchNotFound("b")


def test_secrets_of_the_catalog_stay_out_of_the_text() -> None:
    properties = {
        "uri": "postgresql+psycopg://ingest:p%40ss@db/lake",
        "s3.secret-access-key": "AKSECRET",
        "token": "tok-123",
        "warehouse": "s3://lake",
    }
    text = "cannot connect to postgresql+psycopg://ingest:p%40ss@db/lake with p@ss, AKSECRET, tok-123 for s3://lake\nmore"
    with pytest.raises(CatalogUnavailable) as caught, Outages(properties).translated("sales.orders"):
        raise OSError(text)
    message = str(caught.value)
    assert caught.value.transient
    assert message.startswith("table sales.orders: ")
    assert "s3://lake" in message
    for secret in ("p%40ss", "p@ss", "AKSECRET", "tok-123", "more"):
        assert secret not in message
