"""`ingest demo`: an embedded AWS, sample data and a real Dagster, in one command.

`run.py` has its steps; `outcome.py` says whether all rows arrived.
"""
