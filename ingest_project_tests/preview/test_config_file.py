"""ingest.yaml gets a table or stays as it is."""

import errno
import os
import stat
from pathlib import Path

import pytest

from ingest_project.errors import SettingsError
from ingest_project.preview.config_file import add_table
from ingest_project.settings.load import load_settings

BEFORE = """\
# landing zone
queues:
  - {name: landing, url: "${QUEUE_URL:-https://sqs.eu-central-1.amazonaws.com/1/landing}"}

tables:
  - name: sales.orders   # the first
    queue: landing
    bucket: "${LANDING_BUCKET:-acme-landing}"
    prefix: orders/
    format: ndjson
"""
ENTRY = [
    "- name: raw.clicks",
    "  queue: landing",
    "  bucket: acme-landing",
    "  prefix: clicks/",
    "  format: csv",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ingest.yaml"
    path.write_text(BEFORE)
    return path


def test_file_has_the_table_and_every_other_byte(path: Path) -> None:
    add_table(path, ENTRY)

    after = path.read_text()
    assert after.startswith(BEFORE)
    assert [table.name for table in load_settings(path).tables] == ["sales.orders", "raw.clicks"]
    assert [one.name for one in path.parent.iterdir()] == ["ingest.yaml"]


def test_byte_order_mark_and_mode_stay(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + BEFORE.encode())
    path.chmod(0o640)

    add_table(path, ENTRY)

    assert path.read_bytes().startswith(b"\xef\xbb\xbf" + BEFORE.encode())
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_symbolic_link_is_followed_and_stays_one(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(path.name)

    add_table(link, ENTRY)

    assert link.is_symlink()
    assert "raw.clicks" in path.read_text()


def test_entry_that_would_not_load_changes_nothing(path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        add_table(path, [line.replace("format: csv", "format: xlsx") for line in ENTRY])

    assert path.read_text() == BEFORE
    assert [one.name for one in path.parent.iterdir()] == ["ingest.yaml"]
    assert "format" in str(caught.value)
    assert "nothing was written" in str(caught.value)
    assert f".{path.name}." not in str(caught.value)


def test_overlapping_route_changes_nothing(path: Path) -> None:
    with pytest.raises(SettingsError, match="overlaps"):
        add_table(path, [line.replace("clicks/", "orders/new/") for line in ENTRY])

    assert path.read_text() == BEFORE


def test_change_by_somebody_else_meanwhile_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_project.preview.config_file._check", lambda *_: path.write_text("theirs"))

    with pytest.raises(SettingsError, match="try again"):
        add_table(path, ENTRY)

    assert path.read_text() == "theirs"


def test_folder_that_cannot_be_written_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.mkstemp", refuse)

    with pytest.raises(SettingsError, match="Read-only file system"):
        add_table(path, ENTRY)
