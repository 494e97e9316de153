"""The demonstrations run, and say if something is not as promised."""

import subprocess
import sys

import pytest

from ingest_project_tests.demonstrations.shown import NotShown, expect
from ingest_project_tests.patience import PATIENCE_SECONDS

COMMAND = (sys.executable, "-m", "ingest_project_tests.demonstrations")


def test_sink_is_shown_with_few_messages() -> None:
    done = subprocess.run(
        [*COMMAND, "sink", "--count", "60"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "all 60 have arrived" in done.stdout


def test_what_is_not_as_promised_is_said() -> None:
    with pytest.raises(NotShown, match="rows: 2, and not 1"):
        expect("rows", 2, 1)
