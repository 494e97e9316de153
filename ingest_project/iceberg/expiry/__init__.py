"""Snapshot expiry of one table.

`retention.py` chooses the snapshots, `expire.py` has the steps, `reach.py` finds the files that nothing else
reaches.
"""
