"""Parquet, and Arrow's files and streams.

`reader.py` reads a whole file, `pieces.py` a large one by its batches.
"""
