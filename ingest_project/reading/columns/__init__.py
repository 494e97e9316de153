"""From the fields of a file to the columns of its table.

`fit.py` makes a frame of exactly the table's columns, and says which rows do not fit; `key_columns.py` reads
columns from object keys, `mapping_check.py` checks the settings of columns.
"""
