"""Folders that visitors may walk through, as trees; and which names nobody is shown."""

import os
from collections import deque
from pathlib import Path, PurePosixPath
from typing import Literal

import attrs

from runner.content.paths import PathRefusedError, safe_path

ROOTS = ("sandbox", "projects", "news", "gifts")
DEEPEST = 20
MOST_NODES = 5000
MOST_READ = 50_000
"""Names of one folder that are looked at; a larger one is told as cut short."""

HIDDEN_NAMES = frozenset({"node_modules", "__pycache__"})
HIDDEN_SUFFIXES = (".key", ".pem", ".env")


@attrs.define
class Node:
    """A file or a folder; what does not apply to it is null."""

    name: str
    path: str
    type: str = attrs.field(metadata={"schema": {"enum": ["directory", "file"]}})
    size: int | None
    extension: str | None
    children: "list[Node] | None"


@attrs.frozen
class FileTree:
    """A folder with all that is in it, as far as it goes."""

    root: Node
    truncated: bool
    node_count: int


@attrs.frozen
class _Item:
    name: str
    kind: Literal["directory", "file"]
    size: int
    mtime_ns: int

    @property
    def order(self) -> tuple[bool, int, str]:
        """Folders first, then the newest, then by name."""
        return (self.kind == "file", -self.mtime_ns, self.name)


def is_hidden(name: str) -> bool:
    """Names that are neither listed nor readable: hidden ones, machinery, keys; and those that are no text."""
    if name.startswith(".") or name in HIDDEN_NAMES or name.lower().endswith(HIDDEN_SUFFIXES):
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return False


def extension_of(name: str) -> str | None:
    """The last suffix without its dot, as it is written."""
    return PurePosixPath(name).suffix.removeprefix(".") or None


def walk(home: Path, root: str, depth: int = DEEPEST, *, most: int = MOST_NODES) -> FileTree:
    """Look at everything below, level by level, so that what is cut off is what lies deepest; blocking."""
    top = Node(root, "", "directory", None, None, [])
    try:
        folder = safe_path(home, root)
        first = _listing(folder)
    except (OSError, PathRefusedError):
        return FileTree(top, truncated=False, node_count=0)
    count, truncated = 1, False
    to_do = deque([(top, folder, 1)])
    while to_do:
        node, path, level = to_do.popleft()
        children = node.children = []
        try:
            items, is_cut = first if node is top else _listing(path)
        except OSError:
            continue  # unreadable, or gone meanwhile: an empty folder
        truncated = truncated or is_cut
        for item in items:
            if level > depth or count >= most:
                truncated = True
                break
            child = _node(node, item)
            children.append(child)
            count += 1
            if item.kind == "directory":
                to_do.append((child, path / item.name, level + 1))
    return FileTree(top, truncated=truncated, node_count=count)


def as_json(node: Node) -> dict[str, object]:
    """A node with all below it; no deeper than a tree goes."""
    return {
        "name": node.name,
        "path": node.path,
        "type": node.type,
        "size": node.size,
        "extension": node.extension,
        "children": None if node.children is None else [as_json(child) for child in node.children],
    }


def _node(parent: Node, item: _Item) -> Node:
    path = f"{parent.path}/{item.name}" if parent.path else item.name
    if item.kind == "directory":
        return Node(item.name, path, item.kind, None, None, [])
    return Node(item.name, path, item.kind, item.size, extension_of(item.name), None)


def _listing(folder: Path) -> tuple[list[_Item], bool]:
    """What is in a folder, in order, and whether there is more; a link in the folder's place is not followed."""
    found: list[_Item] = []
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with os.scandir(descriptor) as listing:
            for number, entry in enumerate(listing):
                if number >= MOST_READ:
                    return sorted(found, key=lambda item: item.order), True
                item = _look(entry)
                if item is not None:
                    found.append(item)
    finally:
        os.close(descriptor)
    return sorted(found, key=lambda item: item.order), False


def _look(entry: "os.DirEntry[str]") -> _Item | None:
    if is_hidden(entry.name):
        return None
    try:
        is_folder = entry.is_dir(follow_symlinks=False)
        if not is_folder and not entry.is_file(follow_symlinks=False):
            return None
        info = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return _Item(entry.name, "directory" if is_folder else "file", info.st_size, info.st_mtime_ns)
