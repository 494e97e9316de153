"""PyIceberg's properties come from the settings and the environment, and the settings win."""

from pathlib import Path

from ingest_project.iceberg.catalog_properties import catalog_properties, make_folders
from ingest_project.settings.model import AwsSettings, CatalogSettings

ROLE = "arn:aws:iam::123456789012:role/ingest"
ON_S3 = CatalogSettings.model_validate(
    {"type": "rest", "uri": "http://127.0.0.1:8181", "warehouse": "s3://lake/w"}
)


def test_sqlite_waits_for_other_processes() -> None:
    settings = CatalogSettings.model_validate({"uri": "sqlite:///c.db", "warehouse": "file:///w"})
    assert catalog_properties(settings, AwsSettings(), {})["uri"] == "sqlite:///c.db?timeout=60"


def test_a_timeout_of_the_settings_stands() -> None:
    settings = CatalogSettings.model_validate({"uri": "sqlite:///c.db?timeout=5", "warehouse": "file:///w"})
    assert catalog_properties(settings, AwsSettings(), {})["uri"] == "sqlite:///c.db?timeout=5"


def test_a_local_warehouse_hears_nothing_of_aws() -> None:
    settings = CatalogSettings.model_validate({"uri": "sqlite:///c.db", "warehouse": "file:///w"})
    properties = catalog_properties(
        settings, AwsSettings(region="eu-west-1"), {"AWS_ENDPOINT_URL": "http://x"}
    )
    assert not [key for key in properties if key.startswith(("s3.", "client."))]


def test_endpoint_region_and_role_reach_a_warehouse_on_s3() -> None:
    aws = AwsSettings(region="eu-west-1", role_arn=ROLE)
    properties = catalog_properties(
        ON_S3, aws, {"AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_S3": "http://s3"}
    )
    assert properties["s3.endpoint"] == "http://s3"
    assert properties["client.region"] == "eu-west-1"
    assert properties["client.role-arn"] == ROLE


def test_an_emulator_without_region_gets_one() -> None:
    properties = catalog_properties(ON_S3, AwsSettings(endpoint_url="http://127.0.0.1:5000"), {})
    assert properties["client.region"] == "us-east-1"


def test_the_settings_own_properties_win() -> None:
    settings = CatalogSettings.model_validate({**ON_S3.properties, "s3.endpoint": "http://mine"})
    assert (
        catalog_properties(settings, AwsSettings(), {"AWS_ENDPOINT_URL": "http://x"})["s3.endpoint"]
        == "http://mine"
    )


def test_the_folder_of_a_sqlite_catalog_is_made(tmp_path: Path) -> None:
    make_folders({"uri": f"sqlite:///{tmp_path}/a b/state/catalog.db?timeout=60"})
    assert (tmp_path / "a b" / "state").is_dir()
