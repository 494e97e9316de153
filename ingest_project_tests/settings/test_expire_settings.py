"""Which snapshots expire by the settings, and the error for each wrong value."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from ingest_project.settings.expire_settings import ExpireSettings


def test_what_is_left_out_is_a_default_and_not_declared() -> None:
    given, empty = ExpireSettings(keep=10, min_age="1d"), ExpireSettings()

    assert (given.declared_keep, given.declared_min_age) == (10, timedelta(days=1))
    assert (empty.keep, empty.min_age, empty.every) == (100, "7d", "30 3 * * *")
    assert (empty.declared_keep, empty.declared_min_age) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"every": "daily"}, "five fields"),
        ({"min_age": "7"}, "length of time"),
        ({"min_age": "0d"}, "more than zero"),
        ({"keep": 0}, "greater than or equal to 1"),
        ({"max_age": "1d"}, "Extra inputs"),
    ],
)
def test_wrong_value_is_refused_with_the_remedy(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ExpireSettings.model_validate(wrong)
