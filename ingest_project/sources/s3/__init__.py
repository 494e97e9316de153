"""S3: its events and the objects in its buckets.

`notification.py` parses a message's body in any envelope, `store.py` lists and fetches objects.
"""
