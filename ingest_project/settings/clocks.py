"""The time, and how much clocks may differ: fixed assumptions of all rooms."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the time, in UTC."""

CLOCK_SKEW = timedelta(minutes=10)
"""Between the machines that run, plan and watch batches, or write to their tables."""
AWS_CLOCK_SKEW = timedelta(minutes=15)
"""Between us, S3 and SQS; beyond that, AWS itself refuses signed requests."""


def utc_now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)
