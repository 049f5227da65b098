"""The long-lived actors: each owns some state and is reached only through its mailbox.

The order of the layers in `pyproject.toml`, read upward, is the start order; its reverse is the shutdown order.
"""
