import os
from pathlib import Path

import pytest

from runner.content.trees import Node, as_json, extension_of, is_hidden, walk


def put(path: Path, *, at: int = 0, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(at, at))


def names(node: Node) -> list[str]:
    return [child.name for child in node.children or ()]


def paths(node: Node) -> list[str]:
    found = [node.path]
    for child in node.children or ():
        found += paths(child)
    return found


def test_the_contracts_example(tmp_path: Path) -> None:
    """A folder and a file, with all six keys on each node."""
    (tmp_path / "projects" / "loom").mkdir(parents=True)
    put(tmp_path / "projects" / "n.py", text="x" * 41)
    tree = walk(tmp_path, "projects")
    empty: dict[str, object] = {"size": None, "extension": None}
    loom: dict[str, object] = {"name": "loom", "path": "loom", "type": "directory", **empty, "children": []}
    file = {"name": "n.py", "path": "n.py", "type": "file", "size": 41, "extension": "py", "children": None}
    assert as_json(tree.root) == {
        "name": "projects",
        "path": "",
        "type": "directory",
        **empty,
        "children": [loom, file],
    }
    assert (tree.truncated, tree.node_count) == (False, 3)


def test_folders_first_then_the_newest_then_by_name(tmp_path: Path) -> None:
    """The order of siblings is the same whatever order the disk has."""
    root = tmp_path / "news"
    for name, at in (("a", 5), ("b", 9), ("c", 9)):
        put(root / name, at=at)
        put(root / f"{name}.d" / "x")
        os.utime(root / f"{name}.d", ns=(at, at))
    assert names(walk(tmp_path, "news").root) == ["b.d", "c.d", "a.d", "b", "c", "a"]


@pytest.mark.parametrize(
    "name",
    [".git", ".env", ".DS_Store", ".x", "node_modules", "__pycache__", "a.key", "A.PEM", "prod.Env", "\udcff.txt"],
)
def test_hidden_names(tmp_path: Path, name: str) -> None:
    """Hidden names, machinery, keys and names that are no text are in no tree."""
    put(tmp_path / "gifts" / name / "inside")
    put(tmp_path / "gifts" / "shown")
    assert is_hidden(name)
    assert names(walk(tmp_path, "gifts").root) == ["shown"]


def test_what_is_neither_file_nor_folder_is_left_out(tmp_path: Path) -> None:
    """Links and pipes are not shown, wherever they lead."""
    put(tmp_path / "gifts" / "real")
    (tmp_path / "gifts" / "link").symlink_to("real")
    (tmp_path / "gifts" / "up").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "gifts" / "pipe")
    assert names(walk(tmp_path, "gifts").root) == ["real"]


def test_depth(tmp_path: Path) -> None:
    """What lies deeper is cut off and told; an empty folder at the edge cuts nothing."""
    put(tmp_path / "sandbox" / "a" / "b" / "c")
    (tmp_path / "sandbox" / "empty").mkdir()
    one, two, three = (walk(tmp_path, "sandbox", depth) for depth in (1, 2, 3))
    assert (sorted(paths(one.root)), one.truncated) == (["", "a", "empty"], True)
    assert (sorted(paths(two.root)), two.truncated) == (["", "a", "a/b", "empty"], True)
    assert (three.node_count, three.truncated) == (5, False)


def test_a_large_folder_does_not_hide_its_siblings(tmp_path: Path) -> None:
    """When there is too much, the deepest is what is missing."""
    for number in range(30):
        put(tmp_path / "sandbox" / "big" / f"{number}")
    put(tmp_path / "sandbox" / "late", at=1)
    tree = walk(tmp_path, "sandbox", most=10)
    assert (tree.node_count, tree.truncated) == (10, True)
    assert "late" in paths(tree.root)
    assert walk(tmp_path, "sandbox", most=33).truncated is False
    assert walk(tmp_path, "sandbox", most=32).truncated is True


def test_no_folder_is_an_empty_tree(tmp_path: Path) -> None:
    """A root that is missing, a file, or a link out of the home has nothing in it."""
    put(tmp_path / "home" / "news")
    (tmp_path / "home" / "gifts").symlink_to(tmp_path)
    for root in ("sandbox", "news", "gifts"):
        tree = walk(tmp_path / "home", root)
        assert (tree.root.children, tree.truncated, tree.node_count) == ([], False, 0)


def test_an_unreadable_folder_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that may not be listed is shown with nothing in it."""
    put(tmp_path / "news" / "shut" / "x")
    real = os.open

    def refusing(path: str | Path, *rest: int) -> int:
        if str(path).endswith("shut"):
            raise PermissionError
        return real(path, *rest)

    monkeypatch.setattr(os, "open", refusing)
    tree = walk(tmp_path, "news")
    assert (names(tree.root), tree.node_count) == (["shut"], 2)


def test_a_home_behind_a_link(tmp_path: Path) -> None:
    """A home that is reached through a link is walked like any other."""
    put(tmp_path / "real" / "news" / "x")
    (tmp_path / "home").symlink_to("real")
    assert names(walk(tmp_path / "home", "news").root) == ["x"]


@pytest.mark.parametrize(
    ("name", "extension"), [("a.py", "py"), ("a.tar.GZ", "GZ"), ("Makefile", None), ("a.", None), ("a.b c", "b c")]
)
def test_extensions(name: str, extension: str | None) -> None:
    """The last suffix, in its own case."""
    assert extension_of(name) == extension
