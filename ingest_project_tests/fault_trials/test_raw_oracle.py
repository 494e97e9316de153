"""The judge of messages finds what is tampered with."""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from ingest_project_tests.fault_trials.raw_oracle import LeftBehind, Row, judge_rest, judge_table
from ingest_project_tests.fault_trials.raw_workload import Letter, json_letters, raw_letters


def seeded(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311 - a workload, not a secret


SENT = {str(number): letter for number, letter in enumerate(raw_letters(seeded(7), 20))}
POISONED = {"good": Letter("{}", ""), "bad": Letter("no JSON", None)}
AT_REST = LeftBehind(dead=["bad"], recorded={"good": "committed", "bad": "unreadable"}, kept=["bad"])


def rows_of(sent: Mapping[str, Letter]) -> list[Row]:
    return [Row(key, one.shown, one.attributes) for key, one in sent.items() if one.shown is not None]


def test_messages_that_are_all_there_once_are_clean() -> None:
    assert judge_table(SENT, rows_of(SENT)).is_clean


def test_missing_message_is_a_loss() -> None:
    verdict = judge_table(SENT, rows_of(SENT)[1:])

    assert (verdict.lost, verdict.duplicated, verdict.wrong) == (1, 0, 0)


def test_message_that_is_there_twice_is_a_duplicate() -> None:
    rows = rows_of(SENT)

    verdict = judge_table(SENT, [*rows, rows[0]])

    assert (verdict.lost, verdict.duplicated, verdict.wrong) == (0, 1, 0)


@pytest.mark.parametrize(
    "changes", [{"shown": "another"}, {"attributes": frozenset({("word", "String", "another", None)})}]
)
def test_message_with_another_content_is_wrong(changes: dict[str, object]) -> None:
    first, *others = rows_of(SENT)

    verdict = judge_table(SENT, [replace(first, **changes), *others])  # type: ignore[arg-type]

    assert (verdict.lost, verdict.duplicated, verdict.wrong) == (0, 0, 1)


def test_row_of_an_unknown_or_unreadable_message_is_wrong() -> None:
    rows = [Row(one, "", frozenset()) for one in ("good", "bad", "nobody's")]

    verdict = judge_table(POISONED, rows)

    assert (verdict.lost, verdict.duplicated, verdict.wrong) == (0, 0, 2)


def test_trial_at_rest_has_its_poison_in_the_dlq_and_nothing_else() -> None:
    assert judge_rest(POISONED, AT_REST) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"dead": []},
        {"dead": ["good", "bad"]},
        {"kept": ["good", "bad"]},
        {"kept": []},
        {"recorded": {"good": "planned", "bad": "unreadable"}},
        {"recorded": {"good": "committed", "bad": "committed"}},
        {"recorded": {"good": "committed"}},
        {"recorded": {**AT_REST.recorded, "nobody's": "committed"}},
    ],
)
def test_whatever_else_is_left_behind_is_found(changes: dict[str, object]) -> None:
    assert len(judge_rest(POISONED, replace(AT_REST, **changes))) == 1  # type: ignore[arg-type]


def test_workload_is_a_function_of_its_seed_and_has_so_much_poison() -> None:
    letters = json_letters(seeded(3), 50, poison=2)

    assert letters == json_letters(seeded(3), 50, poison=2)
    assert sum(letter.shown is None for letter in letters) == 2
    assert len(letters) == 50
