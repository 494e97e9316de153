"""Chooses the allocator of Arrow, whose default keeps what writers of Parquet ask for and never touch.

With many partitions that is most of a run's memory and much of its time; docs/performance.md has what writing
takes.
"""

import os

import pyarrow as pa

CHOSEN = "ARROW_DEFAULT_MEMORY_POOL"
"""The variable by which a person chooses Arrow's allocator."""


def use_system_memory() -> None:
    """Makes Arrow allocate with the C library, process-wide, unless a person chose otherwise; idempotent."""
    if CHOSEN not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())
