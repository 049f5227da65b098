from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.content import PathRefusedError, safe_path
from runner.content.paths import is_entry_name, slug_of


def test_a_path_below_its_folder(tmp_path: Path) -> None:
    """A plain relative path is found below the resolved root, dots inside names included."""
    assert safe_path(tmp_path, "a/b..c.md") == tmp_path.resolve() / "a" / "b..c.md"


@pytest.mark.parametrize("relative", ["", "..", "../x", "a/../b", "/etc/passwd", "a//b", "./a", "a/", "a\0b"])
def test_what_climbs_is_refused(tmp_path: Path, relative: str) -> None:
    """No component may be empty, a dot or two, and no byte a NUL."""
    with pytest.raises(PathRefusedError):
        safe_path(tmp_path, relative)


def test_links_out_are_refused(tmp_path: Path) -> None:
    """A link that leads out of the folder is refused, also to a sibling whose name begins the same."""
    root, sibling = tmp_path / "box", tmp_path / "box-private"
    root.mkdir()
    sibling.mkdir()
    (root / "link").symlink_to(sibling)
    (root / "inner").symlink_to(root)
    assert safe_path(root, "inner/x") == root.resolve() / "x"
    with pytest.raises(PathRefusedError):
        safe_path(root, "link/secret.md")


@given(st.text(alphabet="./a\\\0 ", max_size=12))
def test_nothing_leaves_the_folder(relative: str) -> None:
    """Whatever is asked for, the answer is below the folder or a refusal."""
    root = Path("/nowhere/box")
    try:
        found = safe_path(root, relative)
    except PathRefusedError:
        return
    assert found.is_relative_to(root)


@pytest.mark.parametrize("name", ["a.md", "ä ö.md", "temperance.md", "gitanjali.md", "a.b.md", "..a.md"[1:]])
def test_names_of_entries(name: str) -> None:
    """Any name that ends in .md can be an entry, whatever it begins with, unless it is hidden."""
    assert is_entry_name(name) == (not name.startswith("."))


@pytest.mark.parametrize("name", [".md", ".hidden.md", "a.txt", "a.md~", "a.md.swp", "a.MD", "a\0.md", "a\udcff.md"])
def test_names_of_other_files(name: str) -> None:
    """Hidden files, other suffixes and names that are no text are no entries."""
    assert not is_entry_name(name)


def test_the_slug_is_the_stem() -> None:
    """Only the suffix goes."""
    assert slug_of("a.b.md") == "a.b"
