"""An object's way into a table, and the deletion of its messages.

`intake.py` drains a queue into the ledger, `process.py` processes a batch up to its commit, `acknowledge.py`
deletes messages, `rebuild.py` rebuilds one partition from S3, `recover_ledger/` recovers a lost ledger.
"""
