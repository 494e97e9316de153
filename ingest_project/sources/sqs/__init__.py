"""SQS: receive, delete, change visibility, and send.

`queue.py` is one queue, `drain.py` empties it within bounds, `send.py` fills it. `send_batch` can be imported
from here, because it is what other projects use; this does not import boto3.
"""

from ingest_project.sources.sqs.send import send_batch

__all__ = ["send_batch"]
