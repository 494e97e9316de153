"""An AWS in the demo's own process: moto's server, with the demo's objects and messages."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from ingest_project.errors import SettingsError

HOST = "127.0.0.1"
REGION = "us-east-1"
CREDENTIAL = "demo"
"""Access key and secret: moto accepts any, and no real account has this one."""


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
    """Makes moto delete messages under the lock that it uses to add them.

    moto replaces the queue's list by a filtered copy. Two such calls at once restore a deleted message, and
    a call during a send loses the message that was sent.
    """
    from moto.sqs.models import Queue

    delete_message = Queue.delete_message

    def delete_under_lock(queue: Queue, receipt_handle: str) -> None:
        with queue._messages_lock:
            delete_message(queue, receipt_handle)

    with patch.object(Queue, "delete_message", delete_under_lock):
        yield
