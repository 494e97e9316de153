"""All checks together, on a sound zone and on broken ones."""

import pytest

from ingest_project.checks.deployment.checks import run_checks
from ingest_project.checks.deployment.finding import Level
from ingest_project_tests.landing import Landing


def test_nothing_is_wrong_with_a_sound_zone(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    (landing.folder / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(landing.folder))

    found = run_checks(landing.services())

    assert {one.level for one in found} == {Level.OK}
    assert [one.check for one in found] == [
        "settings", "credentials", "queue", "visibility", "retention", "dead_letter_queue", "queue_policy",
        "bucket",
        "notifications", "notifications", "keys", "keys", "ledger", "catalog", "table", "table",
        "dagster_home",
    ]  # fmt: skip


def test_each_failing_part_is_a_problem_with_a_remedy_and_hides_no_other(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    landing.write(ledger={"url": f"sqlite:///{landing.folder}"})

    problems = [one for one in run_checks(landing.services()) if one.level is Level.PROBLEM]

    assert [one.check for one in problems] == ["credentials", "queue", "bucket", "ledger"]
    assert all(one.remedy for one in problems)


def test_no_password_is_shown(landing: Landing) -> None:
    url = "postgresql+psycopg://ingest:hunter2@127.0.0.1:1/lake"
    landing.write(ledger={"url": url}, catalog={"type": "sql", "uri": url, "warehouse": "warehouse"})

    found = {one.check: one for one in run_checks(landing.services())}

    assert found["ledger"].level is Level.PROBLEM
    assert found["catalog"].level is Level.PROBLEM
    assert "hunter2" not in repr(found)


def test_no_password_of_a_queue_or_an_endpoint_is_shown(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = "http://ingest:hunter2@127.0.0.1:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    landing.write(
        queues=[{"name": "landing", "url": f"{endpoint}/1/landing"}],
        ledger={"url": "postgresql://u:hunter2@h:p/x"},
    )

    found = run_checks(landing.services())

    problems = {one.check: one for one in found if one.level is Level.PROBLEM}
    assert {"credentials", "queue", "bucket", "ledger"} <= problems.keys()
    assert "cannot read it" in problems["ledger"].message
    assert "hunter2" not in repr(found)


def test_urls_of_queues_are_shown_without_their_passwords(landing: Landing) -> None:
    url = landing.queue_url.replace("://", "://ingest:hunter2@")
    landing.write(queues=[{"name": "landing", "url": url}])
    landing.notify([])
    landing.set_queue(MessageRetentionPeriod="3600")

    found = run_checks(landing.services())

    assert any("ingest:***@" in f"{one.message} {one.remedy}" for one in found)
    assert "hunter2" not in repr(found)


def test_a_check_that_breaks_is_a_problem_without_the_words_of_its_error(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError("hunter2")

    monkeypatch.setattr("ingest_project.checks.deployment.checks.check_dagster_home", broken)

    *others, last = run_checks(landing.services())

    assert (last.check, last.subject, last.level) == ("internal", "dagster_home", Level.PROBLEM)
    assert "ValueError at test_checks.py:" in last.message
    assert "hunter2" not in repr(last)
    assert {one.level for one in others} == {Level.OK}
