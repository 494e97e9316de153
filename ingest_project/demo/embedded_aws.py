"""An AWS in the demo's own process: moto's server, where the demo's objects and messages live and die."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from ingest_project.errors import SettingsError

HOST = "127.0.0.1"
REGION = "us-east-1"
CREDENTIAL = "demo"
"""Access key and secret alike: moto takes any, and no real account has it."""


@contextmanager
def embedded_aws() -> Iterator[str]:
    """The URL of an empty AWS account on a free port of 127.0.0.1, for as long as the block runs.

    Raises SettingsError if moto is not installed.
    """
    try:
        from moto.server import ThreadedMotoServer  # only the `demo` extra brings it
    except ImportError as error:
        raise SettingsError(
            ["the demo needs moto; run `make demo`, or pip install 'ingest-project[demo]'"]
        ) from error
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it would print every request
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    try:
        with _deleting_under_lock():
            yield f"http://{HOST}:{server.get_host_and_port()[1]}"
    finally:
        server.stop()


@contextmanager
def _deleting_under_lock() -> Iterator[None]:
    """Has moto delete messages under the lock that it takes to add them.

    It puts a filtered copy in the place of the queue's list. Two such calls at once bring a deleted message back, and
    one beside a send loses the message that was sent.
    """
    from moto.sqs.models import Queue

    delete_message = Queue.delete_message

    def delete_under_lock(queue: Queue, receipt_handle: str) -> None:
        with queue._messages_lock:
            delete_message(queue, receipt_handle)

    with patch.object(Queue, "delete_message", delete_under_lock):
        yield
