"""How long a pace makes its callers wait."""

from ingest_project.sources.sqs.pace import Pace


def test_calls_wait_until_their_messages_may_be_sent() -> None:
    now, waits = 100.0, list[float]()
    pace = Pace(20, clock=lambda: now, sleep=waits.append)

    pace(10)
    pace(10)
    pace(5)

    assert waits == [0.5, 1.0]


def test_time_without_calls_is_not_saved_up() -> None:
    now, waits = 100.0, list[float]()
    pace = Pace(20, clock=lambda: now, sleep=waits.append)

    now = 200.0
    pace(10)
    pace(10)

    assert waits == [0.5]
