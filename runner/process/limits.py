"""Limits that the system sets on the process."""

import resource

__all__ = ["raise_open_files"]


def raise_open_files() -> int:
    """Lift the number of open files to what the system allows at most; a thousand viewers need it. Gives the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
