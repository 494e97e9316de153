"""`ingest check`: whether everything that the settings name exists, may be used, and is configured correctly.

`checks.py` runs one module for each subject: queues, buckets, keys, tables, policies. Each returns
`Finding`s.
"""
