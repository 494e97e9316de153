import threading
from collections.abc import Callable

import pytest

from ingest_project.api import rate_limit
from ingest_project.api.rate_limit import RateLimit
from ingest_project.settings.api_settings import Rate
from ingest_project_tests.api.world import INGEST, ApiWorld, problem


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_rate_may_be_used_at_once_and_is_refilled_evenly() -> None:
    clock = Clock()
    limit = RateLimit(Rate(3, 60), clock)

    assert [limit.seconds_to_wait("ann") for _ in range(4)] == [0, 0, 0, 20]
    assert limit.seconds_to_wait("ben") == 0
    clock.seconds += 20
    assert [limit.seconds_to_wait("ann") for _ in range(2)] == [0, 20]
    clock.seconds += 3_600
    assert [limit.seconds_to_wait("ann") for _ in range(4)] == [0, 0, 0, 20]


def test_the_buckets_are_bounded_and_the_least_used_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_BUCKETS", 2)
    limit = RateLimit(Rate(1, 60), Clock())
    for name in ("ann", "ben", "ann", "cem"):
        limit.seconds_to_wait(name)

    assert limit.seconds_to_wait("ann") > 0
    assert limit.seconds_to_wait("ben") == 0


def test_threads_do_not_take_more_than_the_rate_together() -> None:
    limit = RateLimit(Rate(50, 3_600), Clock())
    let_in: list[int] = []

    def ask() -> None:
        let_in.extend(1 for _ in range(100) if limit.seconds_to_wait("ann") == 0)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(let_in) == 50


def test_a_flood_of_one_requester_gets_429_and_others_are_answered(
    make_world: Callable[..., ApiWorld],
) -> None:
    world = make_world(tokens={"file": "tokens.json"}, rate_limit="5/1h")
    answers = [world.ann.post("/submit-job", json=INGEST) for _ in range(20)]

    refused = [one for one in answers if one.status_code == 429]
    assert [one.status_code for one in answers] == [202] * 5 + [429] * 15
    assert problem(refused[0], 429)["type"] == "urn:ingest:problem:too-many-requests"
    assert int(refused[0].headers["retry-after"]) <= 720
    assert world.boss.get("/jobs").status_code == 200
    assert len(world.messages()) == 5


def test_guesses_of_tokens_are_slowed_down_and_valid_tokens_of_the_same_address_are_not(
    world: ApiWorld,
) -> None:
    assert world.ann.get("/jobs").status_code == 200
    guesses = [world.client(f"guess-{number}").get("/jobs").status_code for number in range(3)]
    guesser = world.client("guess")
    guesses += [guesser.get("/jobs").status_code for _ in range(40)]

    assert guesses[:30] == [401] * 30
    assert guesses[-1] == 429
    assert world.ann.get("/jobs").status_code == 200
