"""One grammar of lengths of time, for ingest.yaml and for the command line."""

from datetime import timedelta

import click
import pytest

from ingest_project.cli.answers import duration
from ingest_project.settings.duration import parse_duration
from ingest_project_tests.settings.factories import table

WRITTEN = {
    "90s": timedelta(seconds=90),
    "90m": timedelta(minutes=90),
    "2 d": timedelta(days=2),
    "1w": timedelta(weeks=1),
    "123456s": timedelta(seconds=123_456),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_settings_and_commands_read_the_same(text: str) -> None:
    assert duration(text) == WRITTEN[text]
    assert table(checks={"fresh_within": text}).checks.longest_silence == WRITTEN[text]


@pytest.mark.parametrize("text", ["", "26", "h", "1.5h", "-1h", "\u0662h", "1y", "36500d", "999999w"])
def test_anything_else_is_refused_by_both(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a length of time|longer than a century"):
        parse_duration(text)
    with pytest.raises(click.BadParameter):
        duration(text)
    with pytest.raises(ValueError, match=r"not a length of time|longer than a century"):
        table(checks={"fresh_within": text})
