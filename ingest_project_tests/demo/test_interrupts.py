"""Signals end the demo where it waits, and nowhere else."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from ingest_project.demo.interrupts import Interrupts


@pytest.fixture(autouse=True)
def hangup() -> Iterator[None]:
    """SIGHUP ends a process, as it does unless one starts the tests with nohup."""
    earlier = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, earlier)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_raised_at_the_next_wait_and_not_before(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        os.kill(os.getpid(), number)
        assert interrupts.count == 1

        with pytest.raises(KeyboardInterrupt):
            interrupts.sleep(60)


def test_a_wait_without_a_signal_lasts_as_long_as_it_says() -> None:
    with Interrupts() as interrupts:
        started = time.monotonic()
        interrupts.sleep(0.25)

    assert time.monotonic() - started >= 0.25


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    with Interrupts():
        pass

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_under_nohup_a_hangup_ends_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGHUP)
        interrupts.check()
