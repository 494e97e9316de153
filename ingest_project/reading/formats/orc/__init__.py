"""ORC, read by a process of its own, as damaged files end the process that reads them.

`reader.py` reads a whole file, `pieces.py` a large one by its batches; `process.py` is this side of the other
process, `worker.py` its program.
"""
