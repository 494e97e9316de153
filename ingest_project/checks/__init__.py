"""Checks of a deployment, before and while it runs, and of a table, after each batch.

`deployment/checks.py` is `ingest check`; `tables/evaluate.py` gives the verdicts of Dagster's asset checks.
"""
