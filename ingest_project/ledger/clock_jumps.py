"""Judges times in the ledger that may have been written before a clock was set back.

A clock that was hours ahead and is then corrected leaves future times, which would delay work for hours.
"""

from datetime import datetime, timedelta

from ingest_project.settings.clocks import CLOCK_SKEW

LONGEST_WAIT = timedelta(minutes=10)
"""The longest backoff: by a correct clock, a wait does not end later than this."""


def is_due(not_before: datetime, now: datetime) -> bool:
    """Whether the wait is over, or was computed by a clock that was set back since."""
    return not_before <= now or not_before > latest_wait(now)


def latest_wait(now: datetime) -> datetime:
    """The latest end of a wait that a correct clock can have computed."""
    return now + LONGEST_WAIT + CLOCK_SKEW


def is_recent(time: datetime, now: datetime, *, within: timedelta) -> bool:
    """Whether `time` is less than `within` ago, by clocks that may differ; a far future time is not."""
    return -CLOCK_SKEW <= now - time < within
