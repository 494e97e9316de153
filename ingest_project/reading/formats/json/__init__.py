"""JSON documents and NDJSON, with all digits as they are written.

`ndjson.py` reads lines, `pieces.py` cuts a document into lines, `inference.py` infers undeclared types.
"""
