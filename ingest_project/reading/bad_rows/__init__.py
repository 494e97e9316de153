"""Finds the bad rows of what cannot be read as a whole, and keeps the good ones.

`parse_together.py` reads many objects at once. If the reader of a format tells which lines are bad,
`faulty_rows.py` leaves these out; otherwise `bad_records.py` cuts the objects that fail into records.
`good_rows.py` brings the good ones of all together, and `objects_apart.py` finds the objects that no table
can have together.
"""
