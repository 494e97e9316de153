"""Excel workbooks (.xlsx, .xlsm): the rows of one sheet.

`reader.py` is what the table of formats names: `package.py` opens the zip, `workbook.py` finds the sheet,
`sheet.py` reads its rows, `pieces.py` puts them into frames of marked cells (`cells.py`), `columns.py` makes
columns of those.
"""
