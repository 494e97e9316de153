"""Text for people, without the secrets of the URLs in it."""

import time

import pytest

from ingest_project.settings.secrets import MAX_CHARACTERS, names_a_secret, without_secrets


@pytest.mark.parametrize(
    ("text", "cleared"),
    [
        ("https://ann:hunter2@sqs.example:9/1/q", "https://ann:***@sqs.example:9/1/q"),
        ("https://hunter2@sqs.example/1/q", "https://***@sqs.example/1/q"),
        ("no `https://:hunter2@a/q`: try http://b:hunter2@c", "no `https://:***@a/q`: try http://b:***@c"),
        ("postgresql+psycopg://ann:hun@ter2@db:5432/x", "postgresql+psycopg://ann:***@db:5432/x"),
        ("postgresql://ann:hun/ter2@db/x", "postgresql://ann:***@db/x"),
        (
            "postgresql://db/x?user=ann&password=hunter2&sslmode=require",
            "postgresql://db/x?user=ann&password=***&sslmode=require",
        ),
        (
            "https://b.s3.example/k?X-Amz-Signature=hunter2&X-Amz-Security-Token=hunter2",
            "https://b.s3.example/k?X-Amz-Signature=***&X-Amz-Security-Token=***",
        ),
        ("postgresql://ann:12/34@db/x", "postgresql://ann:***@db/x"),
        ("mysql://ann:12#34@db:3306/x", "mysql://ann:***@db:3306/x"),
        ("host=db password='hunter \\'2' port=1", "host=db password=*** port=1"),
        ("host=db password = 'hunter 2' port=1", "host=db password = *** port=1"),
        (
            "https://b.blob.example/k?sas=hunter2&sas_token=hunter2&sig=hunter2",
            "https://b.blob.example/k?sas=***&sas_token=***&sig=***",
        ),
        ("host=db password=hunter2 port=1", "host=db password=*** port=1"),
    ],
)
def test_each_place_of_a_url_that_holds_a_secret_is_cleared_and_all_else_stays(
    text: str, cleared: str
) -> None:
    assert without_secrets(text) == cleared
    assert without_secrets(cleared) == cleared


@pytest.mark.parametrize(
    "text",
    [
        "https://sqs.us-east-1.amazonaws.com/123456789012/landing",
        "http://127.0.0.1:4566/123/a@b and ann@example.com",
        "s3://acme-landing/orders/token=5/a@b.ndjson",
        "postgresql://ann@db/x",
        "arn:aws:sqs:us-east-1:123456789012:landing-dlq after 5 receives",
        "sqlite:////srv/ledger.db",
        "kansas=1 and disaster_zone=eu of postgresql://db:5432/x",
        "s3://acme-landing/a:b@c/part=1 of http://127.0.0.1:4566: see 'x'",
    ],
)
def test_what_holds_no_secret_is_left_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [("s3.secret-access-key", True), ("adls.sas-token", True), ("SAS", True), ("disaster-region", False)],
)
def test_name_of_a_setting_tells_whether_its_value_is_a_secret(name: str, is_secret: bool) -> None:
    assert names_a_secret(name) is is_secret


@pytest.mark.parametrize(
    "unit",
    [
        "://",
        "://a:",
        "://u:1/",
        "https://u",
        "@://a:",
        "password='",
        "token",
        "a?token=",
        "&a.b-",
        "x",
        "'\\",
        "sig=",
    ],
)
@pytest.mark.parametrize("end", ["", "@", " @"])
def test_no_text_takes_long_to_clear(unit: str, end: str) -> None:
    began = time.process_time()
    without_secrets(unit * 1_000_000 + end)
    without_secrets((unit * MAX_CHARACTERS)[: MAX_CHARACTERS - 2] + end)

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "secret",
    [
        "https://ann:hunter2@sqs.example/1/q",
        "host=db password='hunter 2' port=1",
        "https://a/q?token=hunter2",
        "token=hunter2",
    ],
)
def test_long_text_that_is_cut_within_a_secret_shows_no_part_of_it(secret: str) -> None:
    for before in range(MAX_CHARACTERS - len(secret) - 2, MAX_CHARACTERS + 1):
        cleared = without_secrets("x" * (before - 1) + " " + secret + " end" * 100)

        assert "hun" not in cleared
        assert cleared.startswith("x" * (before - 1))
        assert len(cleared) < MAX_CHARACTERS + 100


def test_long_text_is_cut_at_a_blank_and_says_so() -> None:
    cleared = without_secrets("a word\n" * MAX_CHARACTERS)

    assert cleared.startswith("a word\na word\n")
    assert cleared.endswith("... (70,000 characters)")
