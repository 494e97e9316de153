"""The demo's state is its own, and nothing leads out of it."""

import os
from pathlib import Path

import pytest

from ingest_project.demo.deployment import TOP, deployment, fresh_state_dir
from ingest_project.errors import SettingsError

ENDPOINT = "http://127.0.0.1:9"
QUEUE_URL = f"{ENDPOINT}/123456789012/landing"


def test_state_of_an_earlier_demo_is_removed_and_dagsters_configuration_is_there(tmp_path: Path) -> None:
    with fresh_state_dir(tmp_path / "demo") as folder:
        (folder / "ledger.db").write_text("old")

    with fresh_state_dir(tmp_path / "demo") as folder:
        assert [path.name for path in folder.iterdir()] == ["home"]
        assert (folder / "home" / "dagster.yaml").read_text() == (TOP / "dagster.yaml").read_text()


def test_two_demos_at_once_do_not_share_their_state(tmp_path: Path) -> None:
    with (
        fresh_state_dir(tmp_path / "demo"),
        pytest.raises(SettingsError, match="another demo is running"),
        fresh_state_dir(tmp_path / "demo"),
    ):
        pass


def test_the_environment_leads_to_the_demo_only_and_is_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("INGEST_CONFIG", "/etc/ingest.yaml")
    before = dict(os.environ)

    with deployment(tmp_path, endpoint=ENDPOINT, queue_url=QUEUE_URL) as place:
        assert "AWS_PROFILE" not in os.environ
        assert os.environ["INGEST_CONFIG"] == str(TOP / "ingest.yaml")
        assert place.services.settings.queue("landing").url == QUEUE_URL
        assert place.services.settings.ledger.url == f"sqlite:///{tmp_path}/ledger.db"

    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("shipped", "changed"),
    [
        ("sqlite:///${INGEST_STATE_DIR:-.dagster}/ledger.db", "postgresql://ingest@db/ingest"),
        ("warehouse: ${INGEST_STATE_DIR:-.dagster}/warehouse", "warehouse: s3://acme-lake/warehouse"),
        (
            '"${LANDING_QUEUE_URL:-https://sqs.us-east-1.amazonaws.com/123456789012/landing}"',
            "https://sqs.us-east-1.amazonaws.com/123456789012/landing",
        ),
        ("sales.orders", "sales.invoices"),
    ],
)
def test_settings_that_lead_elsewhere_are_refused(tmp_path: Path, shipped: str, changed: str) -> None:
    text = (TOP / "ingest.yaml").read_text()
    assert shipped in text
    config = tmp_path / "ingest.yaml"
    config.write_text(text.replace(shipped, changed))

    with (
        pytest.raises(SettingsError, match="needs this file as the project brings it"),
        deployment(tmp_path / "demo", endpoint=ENDPOINT, queue_url=QUEUE_URL, config=config),
    ):
        pass
