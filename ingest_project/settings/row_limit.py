"""How many bad rows an object may have: `max_bad_rows` of ingest.yaml, a count or a share."""

import re
from dataclasses import dataclass

SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")


@dataclass(frozen=True, slots=True)
class RowLimit:
    """At most `count` rows, or at most this `share` of all rows (0 to 1)."""

    count: int | None = None
    share: float | None = None

    def is_exceeded(self, bad_rows: int, rows: int) -> bool:
        """Whether there are too many bad rows among `rows` rows in all."""
        if self.count is not None:
            return bad_rows > self.count
        # Both sides are rounded once, so that a share that is just reached is not exceeded (0.29 * 100 < 29).
        return self.share is not None and rows > 0 and bad_rows / rows > self.share

    def __str__(self) -> str:
        return f"{self.count:,}" if self.count is not None else f"{100 * (self.share or 0):g}%"


def row_limit(written: int | str) -> RowLimit:
    """The limit that `1000` or `"5%"` means. Raises ValueError, with the remedy, for other values."""
    if isinstance(written, int) and not isinstance(written, bool) and written >= 0:
        return RowLimit(count=written)
    share = SHARE.fullmatch(written.strip()) if isinstance(written, str) else None
    if share is None or float(share[1]) > 100:
        raise ValueError(
            'must be a count of rows, like 1000, or a share of them, like "5%"; write one of these'
        )
    return RowLimit(share=float(f"{share[1]}e-2"))  # 0.7 / 100 is less than 0.007
