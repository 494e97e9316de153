"""SQS: receive, delete, change visibility.

`queue.py` is one queue, `drain.py` empties it within bounds.
"""
