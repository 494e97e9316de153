"""ingest.yaml: read as a whole, or refused with its faults.

`load.py` reads it, `model.py` has its keys and types; rules that types cannot express are in the
`*_rules.py`.
"""
