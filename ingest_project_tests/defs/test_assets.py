"""What the assets say of themselves."""

from ingest_project.defs.assets import queue_assets
from ingest_project.settings.model import CatalogSettings, QueueSettings, Settings


def test_a_queue_shows_its_url_without_the_password() -> None:
    queue = QueueSettings(name="landing", url="https://ingest:hunter2@q.example/1/landing")
    settings = Settings.model_construct(catalog=CatalogSettings(), queues=[queue], tables=[])

    (spec,) = queue_assets(settings)

    assert spec.metadata["url"] == "https://ingest:***@q.example/1/landing"
