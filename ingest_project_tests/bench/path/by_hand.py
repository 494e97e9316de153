"""The loop that one writes by hand: receive, read, append, delete; one commit for each file."""

import json
from urllib.parse import unquote_plus

from ingest_project_tests.bench.landing import clients
from ingest_project_tests.bench.path.asked import Asked
from ingest_project_tests.bench.path.rivals import frame_by_polars, opened_table


def run(asked: Asked) -> None:
    """One message, one file, one append, one delete, and on to the next."""
    s3, sqs = clients(asked.endpoint)
    table = opened_table(asked)
    done = 0
    while done < asked.objects:
        answer = sqs.receive_message(QueueUrl=asked.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            for record in json.loads(message["Body"]).get("Records", ()):
                key = unquote_plus(record["s3"]["object"]["key"])
                body = s3.get_object(Bucket=asked.bucket, Key=key)["Body"].read()
                table.append(frame_by_polars([body], asked))
                done += 1
            sqs.delete_message(QueueUrl=asked.queue_url, ReceiptHandle=message["ReceiptHandle"])
