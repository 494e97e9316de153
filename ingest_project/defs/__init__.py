"""What Dagster sees, and the only room that imports it.

`assets.py`, `jobs.py`, `sensors.py` and `schedules.py` have the definitions; `outbox.py` decides which runs
are requested; `operations.py` has the jobs that a person launches.
"""
