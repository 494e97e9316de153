"""CSV: files with a delimiter, a quote and, mostly, a header.

`reader.py` reads a file, `pieces.py` cuts a large one at the ends of its records.
"""
