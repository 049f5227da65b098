"""How a session can run: three backends behind one protocol, all writing the same records."""
