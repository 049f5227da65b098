"""Links in the home that lead out of what a session may read: found before it begins, and closed to it."""

import os
from collections.abc import Iterator

from runner.tools.access import Access

MOST = 10_000
"""A home with more of them is no longer looked through; the guard before each use of a tool knows no such limit."""


def leading_out(access: Access) -> tuple[str, ...]:
    """Their paths, relative to the home. Blocking: walks over all that the session may read, and follows nothing."""
    found = []
    for link in _links(access):
        if access.refusal_through(link) is not None:
            found.append(link)
            if len(found) >= MOST:
                break
    return tuple(sorted(found))


def _links(access: Access) -> Iterator[str]:
    to_do = [""]
    while to_do:
        folder = to_do.pop()
        try:
            with os.scandir(os.path.join(access.home, folder)) as listing:  # noqa: PTH118 - many, and pathlib takes its time
                for entry in listing:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if access.refusal(path) is not None:
                        continue
                    if entry.is_symlink():
                        yield path
                    elif entry.is_dir(follow_symlinks=False):
                        to_do.append(path)
        except OSError:
            continue  # gone meanwhile, or closed to us too
