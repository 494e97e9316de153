"""The demonstrations run, and say if something is not as promised."""

import subprocess
import sys

import pytest

from ingest_project_tests.demonstrations.shown import NotShown, expect
from ingest_project_tests.patience import PATIENCE_SECONDS

COMMAND = (sys.executable, "-m", "ingest_project_tests.demonstrations")


def shown(name: str, *, count: int) -> str:
    """What the demonstration prints."""
    done = subprocess.run(
        [*COMMAND, name, "--count", str(count)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sink_is_shown_with_few_messages() -> None:
    assert "all 60 have arrived" in shown("sink", count=60)


def test_raw_messages_are_shown_with_few() -> None:
    printed = shown("raw", count=80)

    assert "shown.texts, read by chdb: 40 rows of 40 message ids" in printed
    assert (
        "shown.orders, read by chdb: 39 rows of 39 message ids, as they were sent; 1 in quarantine" in printed
    )


def test_what_is_not_as_promised_is_said() -> None:
    with pytest.raises(NotShown, match="rows: 2, and not 1"):
        expect("rows", 2, 1)
