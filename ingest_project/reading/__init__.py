"""Bytes to rows.

`portions.py` divides a batch into what is read at once, `read.py` reads and fits it, `parse.py` asks the
reader of the format. `limits.py` says where memory is bounded.
"""
