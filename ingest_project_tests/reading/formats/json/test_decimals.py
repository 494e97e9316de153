"""Decimals of NDJSON are exact beside whatever else a file has."""

import json
import random
from decimal import Decimal

import pytest

from ingest_project_tests.reading.factories import read, values

COLUMNS = {"id": "long", "note": "string", "amount": "decimal(38,12)", "at": "timestamptz", "ratio": "double"}
NOTES = ('left "at" the door', "tab\there", "back\\slash", "12.50", '{"a": 1.0}', "ünï 😀", "[1e5]")


def _number(chosen: random.Random) -> str:
    """A number that decimal(38,12) holds, in one of the ways in which files have them."""
    sign, whole = chosen.choice(["", "-"]), chosen.randrange(10 ** chosen.randrange(1, 26))
    return chosen.choice(
        [
            f"{sign}{whole}",
            f"{sign}{whole}.{chosen.randrange(100):02d}",
            f"{sign}{whole}.{chosen.randrange(10**12):012d}000",
            f"{sign}{chosen.randrange(1, 10**6)}e{chosen.randrange(-12, 13)}",
            f'"{sign}{whole}.50"',
            "0.300000000004",
        ]
    )


def _line(number: int, amount: str, chosen: random.Random) -> str:
    note = json.dumps(chosen.choice(NOTES), ensure_ascii=chosen.random() < 0.5)
    at = f"2026-11-20T{number % 24:02d}:00:00.{number % 1000:03d}Z"
    members = [
        f'"id": {number}', f'"note":{note}', f'"amount": {amount}', f'"at":"{at}"', f'"ratio": {number / 7!r}'
    ]  # fmt: skip
    chosen.shuffle(members)
    return "{" + ",".join(members) + "}"


@pytest.mark.parametrize("seed", range(4))
def test_decimals_are_what_pythons_json_makes_of_the_same_file(seed: int) -> None:
    chosen = random.Random(seed)  # noqa: S311 - no secret
    lines = [_line(number, _number(chosen), chosen) for number in range(3000)]

    result = read("\n".join(lines).encode(), columns=COLUMNS)

    expected = [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines]
    assert values(result, "amount") == [Decimal(row["amount"]) for row in expected]
    assert values(result, "note") == [row["note"] for row in expected]
    assert values(result, "ratio") == [float(row["ratio"]) for row in expected]
