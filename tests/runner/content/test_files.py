import base64
import os
import socket
from pathlib import Path

import pytest

from runner.content import files
from runner.content.files import File, Files, NoFileError, NotAFileError, PathRefusedError, TooLargeError


def put(path: Path, data: bytes = b"print(1)\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_the_contracts_example(tmp_path: Path) -> None:
    """Text comes as text, with what its name says about it."""
    put(tmp_path / "projects" / "loom" / "n.py")
    assert Files(tmp_path).read("projects", "loom/n.py") == File(
        path="loom/n.py", content="print(1)\n", size=9, extension="py", mime_type="text/x-python", is_binary=False
    )


@pytest.mark.parametrize(
    ("name", "mime_type", "is_binary"),
    [
        ("a.PNG", "image/png", True),
        ("a.webp", "image/webp", True),
        ("a.rar", "application/octet-stream", True),
        ("a.gz", "application/octet-stream", True),
        ("a.md", "text/markdown", False),
        ("a.unheard-of", "text/plain", False),
        ("Makefile", "text/plain", False),
        ("data:text,x", "text/plain", False),
    ],
)
def test_only_the_name_decides(tmp_path: Path, name: str, mime_type: str, *, is_binary: bool) -> None:
    """Binary or not goes by the suffix in any case; bytes that are no text are replaced."""
    put(tmp_path / "gifts" / name, b"\xffx")
    found = Files(tmp_path).read("gifts", name)
    assert (found.is_binary, found.size) == (is_binary, 2)
    assert found.content == (base64.b64encode(b"\xffx").decode() if is_binary else "\N{REPLACEMENT CHARACTER}x")
    assert found.mime_type == mime_type


@pytest.mark.parametrize(
    "path", ["../x", "a/../b", "a\0b", "..", ".", "/etc/passwd", "a//b", "", "out", "out/x", "loop"]
)
def test_who_climbs_is_refused(tmp_path: Path, path: str) -> None:
    """Nothing outside the folder is read: not by dots, not by a whole path, not through a link."""
    put(tmp_path / "home" / "sandbox" / "b")
    put(tmp_path / "home" / "sandbox-private" / "x")
    (tmp_path / "home" / "sandbox" / "out").symlink_to(tmp_path / "home" / "sandbox-private")
    (tmp_path / "home" / "sandbox" / "loop").symlink_to("loop")
    with pytest.raises(PathRefusedError):
        Files(tmp_path / "home").read("sandbox", path)


@pytest.mark.parametrize(
    "path",
    ["none", ".env", ".git/config", "a.key/x", "x/node_modules/y", "b.PEM", "b/under", "n" * 300, "n/" * 3000 + "n",
     "inside", "through/b", "\udcff"],
)  # fmt: skip
def test_what_no_tree_shows_is_not_there(tmp_path: Path, path: str) -> None:
    """Hidden on any segment, behind a link, too long or missing: not there."""
    root = tmp_path / "sandbox"
    for name in ("b", "b.PEM", ".env", ".git/config", "a.key/x", "x/node_modules/y", "real/b"):
        put(root / name)
    (root / "inside").symlink_to("b")
    (root / "through").symlink_to("real")
    with pytest.raises(NoFileError):
        Files(tmp_path).read("sandbox", path)


def test_two_dots_inside_a_name_are_a_name(tmp_path: Path) -> None:
    """Only a whole segment of dots climbs."""
    put(tmp_path / "sandbox" / "a..b")
    assert Files(tmp_path).read("sandbox", "a..b").path == "a..b"


def test_what_has_no_content(tmp_path: Path) -> None:
    """A folder, a pipe and a socket are no files, and none of them is waited for."""
    root = tmp_path / "sandbox"
    (root / "folder").mkdir(parents=True)
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "sock"))
        for name in ("folder", "pipe", "sock"):
            with pytest.raises(NotAFileError):
                Files(tmp_path).read("sandbox", name)


def test_up_to_a_mebibyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte too many is too large, also where the file grows while it is read."""
    put(tmp_path / "gifts" / "fits", b"x" * files.LARGEST)
    put(tmp_path / "gifts" / "more", b"x" * (files.LARGEST + 1))
    reader = Files(tmp_path)
    assert reader.read("gifts", "fits").size == 1_048_576
    with pytest.raises(TooLargeError, match="1048577 bytes"):
        reader.read("gifts", "more")
    monkeypatch.setattr(os, "read", lambda _descriptor, most: b"x" * most)
    with pytest.raises(TooLargeError, match="grown"):
        reader.read("gifts", "fits")
