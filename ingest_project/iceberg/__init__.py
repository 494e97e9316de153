"""The tables, and the only room that imports pyiceberg.

`catalog.py` opens tables, `table.py` is one, `commit.py` is the fence, `writable.py` checks whether a table
can be written before anything is.
"""
