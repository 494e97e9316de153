"""As whom the emulator's STS sees us."""

import pytest

from ingest_project.checks.deployment.credentials import check_credentials
from ingest_project.checks.deployment.finding import Level
from ingest_project_tests.landing import Landing

ROLE = "arn:aws:iam::123456789012:role/ingest"


def test_the_assumed_role_is_named(landing: Landing) -> None:
    landing.write(aws={"role_arn": ROLE})

    (found,) = check_credentials(landing.services())

    assert found.level is Level.OK
    assert ":assumed-role/ingest/" in found.message


def test_no_credentials_are_a_problem(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(landing.folder / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(landing.folder / "none"))

    (found,) = check_credentials(landing.services())

    assert found.level is Level.PROBLEM
    assert "NoCredentialsError" in found.message


def test_a_profile_that_does_not_exist_is_a_problem(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "absent")

    (found,) = check_credentials(landing.services())

    assert found.level is Level.PROBLEM
    assert "absent" in found.message


def test_a_missing_region_is_a_problem(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(landing.folder / "none"))

    (found,) = check_credentials(landing.services())

    assert found.level is Level.PROBLEM
    assert "aws.region" in found.message
