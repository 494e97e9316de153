"""Finds the bad rows of what cannot be read as a whole, and keeps the good ones.

`parse_together.py` reads many objects at once, `bad_records.py` cuts one that fails into records,
`good_rows.py` reads those.
"""
