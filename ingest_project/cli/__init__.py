"""The `ingest` command.

`main.py` has the group and the smaller commands; `ledger.py`, `preview.py` and `dev.py` have the others.
`answers.py` has what they share: settings, JSON, options.
"""
