"""What a session says: its records, what of them the public sees, and what is kept."""
