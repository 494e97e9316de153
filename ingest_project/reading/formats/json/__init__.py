"""JSON documents and NDJSON, with all digits as they are written.

`ndjson.py` reads lines, which `decoding.py` decodes, and `pieces.py` cuts a document into lines. What is
left as JSON text is cast by `values/json_values.py`, or its type inferred by `values/json_inference.py`.
"""
