"""Finds the bad rows of what cannot be read as a whole, and keeps the good ones.

`parse_together.py` reads many objects at once, `dividing.py` sets apart what has bad rows in those that fail,
`bad_records.py` cuts that into records, and `good_rows.py` brings the good ones of all together.
"""
