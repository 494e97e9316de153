"""The words of docs/performance.md: how it was measured, and what the tables say."""

from typing import Any

HEAD = """# Performance
Made by `make bench`: a change by hand is lost. `make bench ARGS=page` makes the page again from
`docs/bench/*.json`; `ARGS=reading`, `path`, `write`, `drain`, `growth` and `latency` measure one part of it,
and `ARGS=--quick` only shows that it works.

**Ratios count, not seconds.** All contestants take turns in one run, so a machine that slows down does so
for all of them; the seconds are those of one machine at one time. Each contestant has a process of its own,
imports come before the clock starts, and the same seed gives the same rows. Times are medians of the
rounds. CPU seconds are those of all threads, and tell more than the clock on a machine that does other
work.
"""
PATH = """## The whole path
From messages in SQS and objects in S3, which ministack emulates over HTTP on the same machine, to a commit
of an Iceberg table that is partitioned by day, in a SQL catalog on the same disk. A time counts only if
ClickHouse, which shares no code with any contestant, then finds in the table all rows, none of them twice,
and the sum of their amounts.

- **project** does all that it does in production but the start of a Dagster run: it drains the queue,
  claims in the ledger, fetches, reads, writes, commits behind the fence, settles, and deletes the messages.
- **obstore + Polars + append** and **obstore + DuckDB + append** receive and delete with as many threads,
  fetch as many objects at once, hold all rows in memory, and call PyIceberg's `Table.append` once.
- **loop by hand** receives, reads, appends and deletes one object after the other, with a commit for each.
  Where it had only some of the objects, its rows per second are those of these: with more it slows down, as
  each commit rewrites the table's metadata.
"""
PATH_HEAD = (
    "", "rows", "seconds: least / median / most", "CPU seconds", "rows per second", "rate, project = 1",
    "peak MiB",
)  # fmt: skip
PROMISES = """### What they promise
What each did with objects that are made to find out. A message comes again, for example, after a crash
between the commit and the deletion of the messages.
"""
PROMISES_HEAD = (
    "", "the message comes again", "an amount of 18 digits", "0.125 for a `decimal(18,2)`",
    "a line that is cut off",
)  # fmt: skip
WRITE = """## Writing
{amount:,} rows in no order of their days, from memory into an Iceberg table partitioned by day. They have
decimals, times, texts, a nested field and the columns that the project adds. A time counts only if ClickHouse
then finds all rows in the table.

- **project** is the writer with its commit behind the fence, **PyIceberg Table.append** the same with
  PyIceberg alone.
- **sort once, one file per partition** is the floor: pyarrow sorts, and writes a file for each day, without
  a table or statistics for one.
"""
DRAIN = """## Draining a queue
{amount:,} messages of S3, one for each object, in a queue that ministack emulates over HTTP. **project**
receives, parses, routes, claims in a ledger on SQLite and plans batches; the other one only receives, with
boto3 and as many threads.
"""
COMPARISON_HEAD = (
    "", "", "seconds: least / median / most", "CPU seconds", "peak MiB", "project's time as a multiple",
    "by CPU seconds", "at most", "",
)  # fmt: skip
GROWTH = """## What grows with history
Medians of several repetitions in one process, whose history the project's own steps have made; in parentheses
as a multiple of the shortest history's. None should take more than {limit:g} times as long. A commit adds one
small file to a table that has so many snapshots, without expiry; the ledger's steps have a batch of 100
objects, and so many object versions were settled before. `status` is what `ingest status` asks of the ledger
for one queue and one table.
"""
LATENCY = """## From put to row
{objects} objects of one row, one put every {every:g} s, with a real `dagster dev` that does nothing
else: the seconds from the end of the put to the snapshot with its row.
"""
READING = """## Reading
One body of {rows:,} rows, from memory (DuckDB: from a file) into a frame or an Arrow table, with declared
columns unless the name says otherwise. Seconds; in parentheses the time of the project as a multiple. The
project also checks what the others do not: undeclared keys, values that do not fit their column, digits
beyond a decimal's scale.
"""
TARGETS = """### Targets
How many times as long a reading may take, at most, as another reader's, or as the same content without bad
rows.
"""
TARGETS_HEAD = ("content", "beside", "at most", "found", "by CPU seconds", "", "what bounds it")
CONTENTS = """### Small changes of the content
Each sound content beside the plain one of its format. None should take more than {limit:g} times as long.
"""
CONTENTS_HEAD = ("content", "plain", "found", "by CPU seconds", "", "what bounds it")


def made(found: dict[str, Any]) -> str:
    """How one part was measured."""
    libraries = ", ".join(f"{name} {version}" for name, version in found["libraries"].items())
    return (
        f"Rounds: {found['rounds']}, seed {found['seed']}, {found['cores']} cores, Python {found['python']},"
        f" {libraries}.\n"
    )
