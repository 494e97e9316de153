"""One value into another type, exactly or not at all.

`text.py` from text, `cast_exactly.py` between types, `types.py` names the types.
"""
