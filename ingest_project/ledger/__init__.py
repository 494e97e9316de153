"""The SQL database of messages, object versions and batches, and the only room that imports sqlalchemy.

Other rooms reach the database through `ledger.py` only; each of its methods is one transaction, implemented
in a module of its own.
`model.py` has the values that pass between the rooms, `tables.py` the tables.
"""
