"""Reads the chunks of a large object ahead: S3 sends the next ones while those before are decoded."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor


def read_ahead(chunks: Iterable[bytes], *, most: int) -> Generator[bytes, None, None]:
    """The same chunks, of which a thread holds at most so many that were not asked for yet.

    Raises what reading a chunk raises, at its place. When it is closed, nothing is read any more.
    """
    source = iter(chunks)
    reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    waiting: deque[Future[bytes | None]] = deque()
    try:
        while True:
            while len(waiting) <= most:
                waiting.append(reader.submit(next, source, None))
            chunk = waiting.popleft().result()
            if chunk is None:
                return
            yield chunk
    finally:
        reader.shutdown(cancel_futures=True)
