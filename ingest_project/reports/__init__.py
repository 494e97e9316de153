"""Reports for people on a terminal: open work, the history of objects, the results of repairs.

`status.py`, `history.py` and `repairs.py`; `terminal.py` makes untrusted text harmless.
"""
