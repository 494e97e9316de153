from pathlib import Path

import pytest

from ingest_project_tests.preview.factories import Bucket


@pytest.fixture
def bucket(aws: str, tmp_path: Path) -> Bucket:
    return Bucket(tmp_path, aws)
