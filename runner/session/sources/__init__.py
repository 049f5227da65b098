"""What a waking session is told, one small module each. None knows another; `context.py` holds the table."""
