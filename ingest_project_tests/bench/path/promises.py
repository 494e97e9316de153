"""What each contestant promises, by what it does with unusual files and with a message that comes twice.

A redelivery is what a crash between the commit and the deletion of the messages leads to.
"""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from ingest_project_tests.bench.landing import BUCKET
from ingest_project_tests.bench.orders import COLUMNS
from ingest_project_tests.bench.path.asked import TABLE, Asked
from ingest_project_tests.bench.path.contestants import Contestant
from ingest_project_tests.bench.path.judge import amounts_of, rows_of
from ingest_project_tests.bench.path.referee import run_contestant
from ingest_project_tests.bench.path.workload import Landed, land
from ingest_project_tests.bench.rounds import Refused

DIGITS, SCALE, GOOD = Decimal("1234567890123456.78"), Decimal("0.125"), Decimal("10.25")


@dataclass(frozen=True, slots=True)
class Promises:
    """What a contestant did with each of these."""

    contestant: str
    redelivered: str
    digits: str
    scale: str
    bad_row: str


def promises(endpoint: str, contestants: Sequence[Contestant]) -> list[Promises]:
    """The promises of each."""
    ordinary = _landed(endpoint, "digits", _line(1, GOOD) + _line(2, DIGITS))
    scale = _landed(endpoint, "scale", _line(1, GOOD) + _line(2, SCALE) + _line(3, GOOD))
    broken = _landed(endpoint, "broken", _line(1, GOOD) + b'{"order_id":2,"cust\n' + _line(3, GOOD))
    with ThreadPoolExecutor(len(contestants)) as pool:
        return [*pool.map(lambda one: _promises(one, ordinary, scale, broken), contestants)]


def _promises(one: Contestant, ordinary: "_Probe", scale: "_Probe", broken: "_Probe") -> Promises:
    with _home() as home:
        ordinary.bring(one, home)
        digits = dict(amounts_of(home))[2]
        ordinary.bring(one, home)
        rows = len(amounts_of(home))
    return Promises(
        one.name,
        redelivered={2: "its rows are there once", 4: "its rows are there twice"}.get(
            rows, f"{rows} rows of 2"
        ),
        digits="exact" if digits == DIGITS else f"is {digits} in the table",
        scale=_fate_of_second_row(one, scale),
        bad_row=_fate_of_second_row(one, broken),
    )


def _fate_of_second_row(one: Contestant, probe: "_Probe") -> str:
    with _home() as home:
        try:
            probe.bring(one, home)
        except Refused:
            return "fails with all that was read with it"
        amounts = dict(amounts_of(home))
        if (amount := amounts.get(2)) is not None:
            return f"is {amount} in the table"
        if [*amounts] != [1, 3]:
            return "other rows are missing"
        is_aside = rows_of(home, f"{TABLE}__quarantine") == 1
        return "set aside, the other rows are in" if is_aside else "missing without a word"


@dataclass(frozen=True, slots=True)
class _Probe:
    """One object that was put."""

    prefix: str
    landed: Landed

    def bring(self, one: Contestant, home: Path) -> None:
        """Let the contestant bring it into its table, once more if it did before."""
        url = self.landed.queue("promise", 1)
        run_contestant(
            one, Asked(self.landed.endpoint, BUCKET, self.prefix, url, str(home), 1, "ndjson", COLUMNS)
        )


@contextmanager
def _home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        yield Path(home)


def _landed(endpoint: str, name: str, body: bytes) -> "_Probe":
    prefix = f"promise-{name}/"
    return _Probe(prefix, land(endpoint, prefix, iter([body]), "ndjson"))


def _line(order_id: int, amount: Decimal) -> bytes:
    line = (
        f'{{"order_id":{order_id},"customer":"c1","note":"n","amount":{amount},"items":1,'
        '"ordered_at":"2026-11-20T00:00:00Z"}\n'
    )
    return line.encode()
