"""What a waking session is told, one small module each; `context.py` holds the table.

`base`, `company` and `sky` are what several of them share.
"""
