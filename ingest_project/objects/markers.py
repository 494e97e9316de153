"""Tells the objects that other programs leave beside their files, and that hold no rows in any format."""

from ingest_project.objects.fetch.fetched import FetchedObject

SUCCESS = "_SUCCESS"
"""Spark and Hadoop write it behind the last file of a job; some committers write a report of the job into it."""


def holds_no_rows(fetched: FetchedObject) -> bool:
    """Whether the object is empty, as S3's folder markers are, or a job's mark of success."""
    return not fetched.body or is_job_mark(fetched.object.key)


def is_job_mark(key: str) -> bool:
    """Whether this is the name of a job's mark of success."""
    return key.rpartition("/")[2] == SUCCESS


def is_marker(key: str, size_bytes: int) -> bool:
    """Whether the object is a folder marker or a job's mark of success."""
    return (size_bytes == 0 and key.endswith("/")) or is_job_mark(key)
