"""Measures contestants in turns, and keeps what each round brought: the part that all measurements share."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

PROJECT = "project"
"""The contestant that the others are compared with."""


class Refused(Exception):
    """A contestant failed, or its result is not what was put in: its time does not count."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a contestant took, by the clock and by the processors, all threads together."""

    seconds: float
    cpu_seconds: float
    peak_mib: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One contestant with one case. `run` measures once, or raises Refused."""

    case: str
    contestant: str
    run: Callable[[], Run]


@dataclass(slots=True)
class Result:
    """What a contestant took for a case, in the order of the rounds. `refused` says why no time counts."""

    case: str
    contestant: str
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)
    refused: str | None = None

    @property
    def median(self) -> float | None:
        """The median of the seconds; None if no time counts."""
        return None if self.refused or not self.seconds else statistics.median(self.seconds)

    @property
    def cpu_median(self) -> float | None:
        """The same of the CPU seconds."""
        return None if self.refused or not self.cpu_seconds else statistics.median(self.cpu_seconds)


def measured(turns: Sequence[Turn], rounds: int, told: Callable[[str], None]) -> list[Result]:
    """The results of all turns, in their order. Each round begins with another turn than the one before.

    A contestant that is refused does not run that case again.
    """
    results = {(turn.case, turn.contestant): Result(turn.case, turn.contestant) for turn in turns}
    for number in range(rounds):
        first = number * len(turns) // rounds
        for turn in (*turns[first:], *turns[:first]):
            result = results[turn.case, turn.contestant]
            if result.refused is None:
                _take(turn, result)
                told(f"round {number + 1}: {turn.case}: {turn.contestant}: {_said(result)}")
    return [*results.values()]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long one took as another: by the clock, and by the processors."""

    clock: float
    cpu: float


def ratio(results: Iterable[Result], one: tuple[str, str], other: tuple[str, str]) -> Ratio | None:
    """How many times as long the first (case, contestant) takes as the second; None if either has no time."""
    known = {(result.case, result.contestant): (result.median, result.cpu_median) for result in results}
    clock, cpu = known.get(one, (None, None))
    other_clock, other_cpu = known.get(other, (None, None))
    if clock is None or cpu is None or other_clock is None or other_cpu is None:
        return None
    return Ratio(clock / other_clock, cpu / other_cpu if other_cpu else math.inf)


def _take(turn: Turn, result: Result) -> None:
    try:
        run = turn.run()
    except Refused as error:
        result.refused = str(error)
        return
    result.seconds.append(run.seconds)
    result.cpu_seconds.append(run.cpu_seconds)
    if run.peak_mib is not None:
        result.peak_mib.append(run.peak_mib)


def _said(result: Result) -> str:
    return f"refused: {result.refused}" if result.refused else f"{result.seconds[-1]:.3f} s"
