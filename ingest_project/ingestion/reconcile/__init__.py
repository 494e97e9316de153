"""Reconciles a table: compares what S3 holds with the ledger and with the table's rows.

`reconcile.py` has the course, the other modules its steps.
"""
