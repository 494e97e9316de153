"""Recognises objects without rows that other programs leave beside their files."""

from ingest_project.sources.s3.fetched import FetchedObject

SUCCESS = "_SUCCESS"
"""Spark and Hadoop write it after the last file of a job; some committers write a report into it."""


def holds_no_rows(fetched: FetchedObject) -> bool:
    """Whether the object is empty, as S3's folder markers are, or marks a job's success."""
    return not fetched.body or is_job_mark(fetched.object.key)


def is_job_mark(key: str) -> bool:
    """Whether an object of this key marks a job's success."""
    return key.rpartition("/")[2] == SUCCESS


def is_marker(key: str, size_bytes: int) -> bool:
    """Whether the object is a folder marker or marks a job's success."""
    return (size_bytes == 0 and key.endswith("/")) or is_job_mark(key)
