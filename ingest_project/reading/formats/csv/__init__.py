"""CSV: files with a delimiter, a quote and, mostly, a header.

`text.py` makes each file the text that RFC 4180 has, `reader.py` reads it, `division.py` divides it into good
and bad rows if it has bad ones, and `pieces.py` cuts a large file at the ends of its records.
"""
