"""Spreadsheets: records as tables that people fill in with Excel or WPS, and such tables back to record files.

A table is read cell by cell and held against what the record's file would have given: a cell that says the same
changes nothing, so what no cell can show (an empty list, a text too long) is never lost. Whatever is at fault is
told with its sheet, row and cell, and then nothing is written.
"""
