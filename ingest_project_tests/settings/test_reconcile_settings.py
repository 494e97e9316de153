"""When a table is reconciled, and the error for each wrong value."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from ingest_project.settings.reconcile_settings import ReconcileSettings


def test_lengths_are_read_and_only_the_schedule_is_required() -> None:
    given = ReconcileSettings(every="0 3 * * *", window="7d", grace="30m")

    assert (given.window_length, given.grace_length) == (timedelta(days=7), timedelta(minutes=30))
    assert ReconcileSettings(every="0 0 * * *").window_length is None


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [({"every": "daily"}, "five fields"), ({"window": "7"}, "length of time"),
     ({"window": "0d"}, "more than zero"),
     ({"grace": "soon"}, "length of time"), ({"until": "1d"}, "Extra inputs")],
)  # fmt: skip
def test_wrong_value_is_refused_with_the_remedy(wrong: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ReconcileSettings.model_validate({"every": "0 3 * * *", **wrong})
