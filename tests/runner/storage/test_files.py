"""Files are old or new, never half; new ones never overwrite; reading is not led astray."""

import os
import stat
import threading
from pathlib import Path

import pytest

from runner.storage import files


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_write_atomic(tmp_path: Path) -> None:
    """New content replaces old content and leaves nothing else behind."""
    path = tmp_path / "a.json"
    files.write_atomic(path, "one")
    files.write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(tmp_path) == ["a.json"]


def test_write_atomic_keeps_permissions(tmp_path: Path) -> None:
    """A file keeps its permissions when it is replaced; a mode that is given stands whatever the umask."""
    path = tmp_path / "a"
    files.write_atomic(path, "x")
    assert mode_of(path) == 0o644
    path.chmod(0o640)
    files.write_atomic(path, "y")
    assert mode_of(path) == 0o640
    old = os.umask(0o077)
    try:
        files.write_atomic(path, "z", mode=0o664)
    finally:
        os.umask(old)
    assert mode_of(path) == 0o664


def test_write_atomic_replaces_a_link(tmp_path: Path) -> None:
    """A symlink in the file's place is replaced; what it pointed to is not touched."""
    target = tmp_path / "target"
    target.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(target)
    files.write_atomic(link, "new")
    assert (target.read_text(), link.read_text(), link.is_symlink()) == ("precious", "new", False)


def test_failed_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails before the rename, the old content stands and no temporary file stays."""
    path = tmp_path / "a"
    files.write_atomic(path, "old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(path, "new")
    with pytest.raises(OSError, match="No space"):
        files.create_exclusive(tmp_path / "b", "new")
    assert (names(tmp_path), path.read_text()) == (["a"], "old")


def test_longest_names(tmp_path: Path) -> None:
    """A name as long as a filesystem takes can be written, also when a cut would fall inside a character."""
    name = "é" * 126 + "abc"
    assert len(name.encode()) == 255
    files.write_atomic(tmp_path / name, "x")
    assert (tmp_path / name).read_text() == "x"


def test_temporary_files_are_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a file is written, no listing or watcher sees anything but a dot file."""
    seen: list[str] = []
    real = os.fsync

    def look(descriptor: int) -> None:
        seen.extend(names(tmp_path))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    files.write_json(tmp_path / "a.json", {"ä": 1})
    assert seen[0].startswith(".a.json.")
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "ä": 1\n}\n'


def test_create_exclusive(tmp_path: Path) -> None:
    """A taken name gets -2, -3, … before its suffix, and every file keeps its own content."""
    path = tmp_path / "2026-02-06-mira.md"
    made = [files.create_exclusive(path, str(number), mode=0o600) for number in range(3)]
    assert [item.name for item in made] == ["2026-02-06-mira.md", "2026-02-06-mira-2.md", "2026-02-06-mira-3.md"]
    assert [item.read_text() for item in made] == ["0", "1", "2"]
    assert mode_of(made[2]) == 0o600
    assert len(names(tmp_path)) == 3


def test_create_exclusive_takes_no_links_place(tmp_path: Path) -> None:
    """A dangling symlink counts as a taken name and is not followed."""
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    assert files.create_exclusive(tmp_path / "a", "x").name == "a-2"
    assert not (tmp_path / "elsewhere").exists()


def test_create_exclusive_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless collisions end in an error that names the file."""
    monkeypatch.setattr(files, "TRIES", 2)
    for _ in range(2):
        files.create_exclusive(tmp_path / "a.md", "x")
    with pytest.raises(FileExistsError, match="2 files of this name exist already"):
        files.create_exclusive(tmp_path / "a.md", "x")
    assert names(tmp_path) == ["a-2.md", "a.md"]


def test_create_exclusive_from_many_threads(tmp_path: Path) -> None:
    """Of writers that arrive at once each gets a name of its own."""
    made: list[str] = []
    barrier = threading.Barrier(8)

    def write() -> None:
        barrier.wait(timeout=10)
        made.append(files.create_exclusive(tmp_path / "a.md", "x").name)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(set(made)) == 8


def test_create_new(tmp_path: Path) -> None:
    """What exists is left as it is."""
    assert files.create_new(tmp_path / "a", "one") is True
    assert files.create_new(tmp_path / "a", "two") is False
    assert (tmp_path / "a").read_text() == "one"


def test_read(tmp_path: Path) -> None:
    """Text that is not UTF-8 is readable, JSON is parsed, a limit is kept to the byte."""
    path = tmp_path / "a"
    path.write_bytes(b'"\xff"')
    assert files.read_text(path) == '"\ufffd"'
    assert files.read_bytes(path, limit=3) == b'"\xff"'
    with pytest.raises(files.FileTooLarge, match="larger than 2 bytes"):
        files.read_bytes(path, limit=2)
    path.write_text("[1]")
    assert files.read_json(path) == [1]
    with pytest.raises(FileNotFoundError):
        files.read_text(tmp_path / "none")


def test_read_refuses_what_is_no_file(tmp_path: Path) -> None:
    """Links, folders and pipes are refused at once; a pipe without a writer does not hang the reader."""
    (tmp_path / "link").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "."):
        with pytest.raises(OSError):
            files.read_bytes(tmp_path / name)


def test_make_folder(tmp_path: Path) -> None:
    """Folders are made with their permissions and their parents; an existing one keeps its own."""
    path = tmp_path / "a" / "b"
    assert files.make_folder(path, mode=0o700) is True
    assert mode_of(path) == 0o700
    assert files.make_folder(path, mode=0o755) is False
    assert mode_of(path) == 0o700
    (tmp_path / "f").write_text("")
    with pytest.raises(NotADirectoryError):
        files.make_folder(tmp_path / "f")
