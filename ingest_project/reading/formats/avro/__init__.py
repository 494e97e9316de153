"""Avro's container files.

`reader.py` reads a file, `pieces.py` cuts a large one at its blocks.
"""
