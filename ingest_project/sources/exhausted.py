"""Distinguishes a machine that ran out of disk or file descriptors from an object that is at fault.

Each library reports a full disk or a lack of descriptors in its own way: a Parquet file that cannot be mapped
without a descriptor would count as unreadable, permanently.
"""

import errno
import re

from ingest_project.errors import ObjectOutOfResources

DISK = "this machine's disk for temporary files is full; free it, or set TMPDIR to a larger one"
FILES = "this machine ran out of file descriptors; raise `ulimit -n`, or lower `max_concurrent_runs`"
REASONS = {errno.ENOSPC: DISK, errno.EDQUOT: DISK, errno.EMFILE: FILES, errno.ENFILE: FILES}
OF_RUST = re.compile(r"\(os error (\d{1,3})\)|\bOs \{\s*code: (\d{1,3}),")
"""How Rust's libraries write an error of the operating system."""


def exhausted_fault(uri: str, error: BaseException) -> ObjectOutOfResources | None:
    """The object's error if this exception, or a cause of it, says that the machine ran out of a resource."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and (reason := REASONS.get(cause.errno or 0)):
            return ObjectOutOfResources(uri, reason)
        cause = cause.__cause__ or cause.__context__
    return None


def exhausted_of_rust(uri: str, text: str) -> ObjectOutOfResources | None:
    """The same for the text of a Rust library's error, which must not quote the object."""
    numbers = (int(one or other) for one, other in OF_RUST.findall(text))
    reason = next((REASONS[number] for number in numbers if number in REASONS), None)
    return ObjectOutOfResources(uri, reason) if reason else None
