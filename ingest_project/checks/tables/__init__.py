"""The asset checks of a table, without Dagster.

`evaluate.py` calls one module for each check; each returns a `Verdict`.
"""
