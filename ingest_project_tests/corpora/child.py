"""Runs judgements in a child process, so that a crash or an endless loop is the fault of one file."""

import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from traceback import format_exception
from typing import Any, Final, TypeVar

SECONDS: Final = 600
"""A file of 1 KB may hold gigabytes; an endless loop is seen, too."""

Item = TypeVar("Item")
Judged = TypeVar("Judged")


class ChildDied(Exception):
    """The process ended, or was ended because it took too long."""


def each_in_child(
    judge: Callable[[Item], Judged], items: Iterable[Item], *, seconds: float = SECONDS
) -> Iterator[tuple[Item, Judged | ChildDied]]:
    """What `judge`, a function of a module, makes of each item, or how the child process died of it.

    An exception of `judge` is raised here, because it is a defect of the judge.
    """
    child: _Child | None = None
    try:
        for item in items:
            child = child or _Child(judge)
            found = child.asked(item, seconds)
            if isinstance(found, ChildDied):
                child = None
            yield item, found
    finally:
        if child is not None:
            child.end()


@dataclass(frozen=True, slots=True)
class _Failed:
    """The judge itself raised an exception."""

    reason: str


class _Child:
    def __init__(self, judge: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_answer, args=(judge, theirs), daemon=False)
        self._process.start()
        theirs.close()

    def asked(self, item: Any, seconds: float) -> Any:
        self._ours.send(item)
        try:
            if not self._ours.poll(seconds):
                self._process.kill()
                self._process.join()
                return ChildDied(f"took more than {seconds:g} s")
            found = self._ours.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            return ChildDied(f"the process ended with exit code {self._process.exitcode}")
        if not isinstance(found, _Failed):
            return found
        raise RuntimeError(f"the judge failed on {str(item)[:300]}: {found.reason}")

    def end(self) -> None:
        self._ours.close()
        self._process.join(10)
        self._process.kill()


def _answer(judge: Callable[[Any], Any], connection: Connection) -> None:
    sys.setrecursionlimit(20_000)  # for the judge: files are nested a thousand deep
    while True:
        try:
            item = connection.recv()
        except EOFError:
            return
        try:
            found = judge(item)
        except BaseException as error:  # a library may panic
            found = _Failed("".join(format_exception(error)))
        connection.send(found)
