"""Limits the reasons of one message: it may name thousands of objects, each with a reason of its own."""

from collections.abc import Sequence

MAX_REASONS = 3
MAX_REASON_CHARACTERS = 400
"""Enough for most keys and the remedy; S3's longest key has 1,024 bytes, and escaped four times as many."""


def first_reasons(reasons: Sequence[str]) -> tuple[str, ...]:
    """The first few reasons, shortened, and how many more there are."""
    shown = [_cut(reason) for reason in reasons[:MAX_REASONS]]
    more = len(reasons) - len(shown)
    return (*shown, f"and {more:,} more") if more else tuple(shown)


def _cut(reason: str) -> str:
    """The reason without its middle: it begins with the object and ends with the remedy."""
    if len(reason) <= MAX_REASON_CHARACTERS:
        return reason
    half = (MAX_REASON_CHARACTERS - 3) // 2
    return f"{reason[:half]}...{reason[-half:]}"
