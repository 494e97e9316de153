"""Tells the objects that other programs leave beside their files, and that hold no rows in any format."""

from ingest_project.objects.fetched import FetchedObject

SUCCESS = "_SUCCESS"
"""Spark and Hadoop write it behind the last file of a job; some committers write a report of the job into it."""


def holds_no_rows(fetched: FetchedObject) -> bool:
    """Whether the object is empty, as S3's folder markers are, or a job's mark of success."""
    return not fetched.body or fetched.object.key.rpartition("/")[2] == SUCCESS
