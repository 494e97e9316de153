"""`ingest preview`: what files are that nobody has declared, and a table for them.

`preview.py` looks, `entry.py` writes the table's entry, `render.py` shows both.
"""
