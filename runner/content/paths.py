"""Paths that strangers name: checked component by component before the disk is asked."""

import os
from pathlib import Path


class PathRefusedError(Exception):
    """The name tries to leave its folder, or can't be a name. Whoever asked is to blame."""


def safe_path(root: Path, relative: str) -> Path:
    """Where `relative` is below `root`, following no link out of it; `PathRefusedError` where it isn't below."""
    if "\0" in relative:
        raise PathRefusedError("a path can't hold a NUL byte")
    parts = relative.split("/")
    if relative.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise PathRefusedError(f"{relative[:80]!r} is not a path below its folder")
    try:
        base = root.resolve()
        resolved = base.joinpath(*parts).resolve()
    except (RuntimeError, ValueError) as error:  # links that lead round in a circle; letters no disk can hold
        raise PathRefusedError(f"{relative[:80]!r} leads nowhere") from error
    if not resolved.is_relative_to(base):
        raise PathRefusedError(f"{relative[:80]!r} leads out of its folder")
    return resolved


def is_entry_name(name: str) -> bool:
    """Whether a file of this name directly in a kind's folder can be an entry."""
    if not name.endswith(".md") or len(name) == len(".md") or name.startswith("."):
        return False
    return _is_text(name)


def is_misnamed(name: str) -> bool:
    """Whether it is the name of an entry in letters that are no UTF-8: it could not be in JSON, or in an address."""
    return name.endswith(".md") and not name.startswith(".") and not _is_text(name)


def slug_of(name: str) -> str:
    """The name without its ending; letters that are none are shown by their numbers."""
    slug = name[: -len(".md")]
    return slug if slug.isascii() else os.fsencode(slug).decode("utf-8", "backslashreplace")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name
