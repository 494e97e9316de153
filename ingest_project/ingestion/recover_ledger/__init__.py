"""Recovers a lost ledger from the tables' rows and S3's list of versions.

`recover.py` has the course, the other modules its steps.
"""
