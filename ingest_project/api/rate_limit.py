"""How much each requester may ask for: a bucket of tokens for each, in the memory of this process.

Several processes behind a load balancer each count for themselves: together they let through so many times
the rate.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from ingest_project.settings.api_settings import Rate

MAX_BUCKETS = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(slots=True)
class RateLimit:
    """Buckets by name, refilled evenly. Safe to share among threads.

    There are at most `MAX_BUCKETS`; the one that was not used for the longest time is forgotten first.
    """

    rate: Rate
    monotonic: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def seconds_to_wait(self, name: str) -> int:
        """Takes one request of this name: 0, or in how many whole seconds the next one is allowed."""
        with self._lock:
            now = self.monotonic()
            bucket = self._buckets.pop(name, None) or _Bucket(float(self.rate.requests), now)
            self._buckets[name] = bucket
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
            each_second = self.rate.requests / self.rate.seconds
            bucket.left = min(float(self.rate.requests), bucket.left + (now - bucket.at) * each_second)
            bucket.at = now
            if bucket.left >= 1:
                bucket.left -= 1
                return 0
            return max(1, math.ceil((1 - bucket.left) / each_second))
