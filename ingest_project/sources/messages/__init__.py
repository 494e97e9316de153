"""Messages that are rows themselves: their claims, and their contents until they are committed.

The counterpart of `sources/s3`, for queues with `source: messages`.
"""
