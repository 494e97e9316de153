"""What `ingest check` says about the actions of `after`; IAM's simulation is a stand-in."""

from typing import Any

import pytest

from ingest_project.checks.deployment.after import check_after
from ingest_project.checks.deployment.finding import Level
from ingest_project.checks.deployment.simulation import principal
from ingest_project.sources.aws import Aws
from ingest_project_tests.landing import Landing, table


class Iam:
    """Answers as IAM's simulation does; actions that are not named are allowed."""

    def __init__(self, **decisions: str) -> None:
        self.decisions = decisions

    def simulate_principal_policy(self, **asked: Any) -> dict[str, Any]:
        results = [
            {"EvalActionName": name, "EvalDecision": self.decisions.get(name.partition(":")[2], "allowed")}
            for name in asked["ActionNames"]
        ]
        return {"EvaluationResults": results}


def said(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, after: Any, iam: Iam | None = None
) -> list[tuple[Level, str]]:
    landing.write(tables=[table("sales.orders", "orders/", {"order_id": "long"}) | {"after": after}])
    services = landing.services()
    if iam is not None:
        monkeypatch.setattr(Aws, "client", lambda _self, _service: iam)
    (only,) = services.settings.tables
    return [(one.level, f"{one.message}; {one.remedy}") for one in check_after(services, only)]


def test_table_that_keeps_its_objects_needs_nothing(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(landing, monkeypatch, "keep") == []


def test_what_the_policies_allow_is_ok(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    ((level, _),) = said(landing, monkeypatch, "delete", Iam())

    assert level is Level.OK


@pytest.mark.parametrize(
    ("decision", "expected"), [("implicitDeny", Level.WARNING), ("explicitDeny", Level.PROBLEM)]
)
def test_missing_permission_is_named(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, decision: str, expected: Level
) -> None:
    ((level, text),) = said(landing, monkeypatch, "delete", Iam(DeleteObject=decision))

    assert level is expected
    assert "s3:DeleteObject on arn:aws:s3:::acme-landing/orders/*" in text


def test_absent_target_is_a_problem(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    ((level, text),) = said(landing, monkeypatch, {"move": "s3://no-such-bucket/"}, Iam())

    assert level is Level.PROBLEM
    assert "cannot be moved to no-such-bucket" in text
    assert "create it, or correct after.move of sales.orders" in text


def test_identity_that_iam_does_not_simulate_gets_the_list_of_permissions(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((level, text),) = said(landing, monkeypatch, {"tag": {"a": "b"}})

    assert level is Level.WARNING
    assert "could not be checked" in text
    assert "grant s3:GetObject, s3:GetObjectTagging, s3:PutObjectTagging" in text


def test_iam_is_asked_about_the_role_of_a_session() -> None:
    session = "arn:aws:sts::123456789012:assumed-role/ingest/ingest-project"

    assert principal(session) == "arn:aws:iam::123456789012:role/ingest"
    assert principal("arn:aws:iam::123456789012:user/ann") == "arn:aws:iam::123456789012:user/ann"
