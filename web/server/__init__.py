"""The connection: protocols and their limits, who may come in, compression, streams."""
