"""Decompresses objects and opens archives, within limits.

`compression.py` is for one object, `zip_archive.py` for the members of an archive, `byte_source.py` for
streams.
"""
