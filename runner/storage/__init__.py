"""How files, line logs and databases are written so that a crash leaves either the old or the new, never half."""
