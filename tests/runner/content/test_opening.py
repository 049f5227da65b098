import os
from pathlib import Path

import pytest

from runner.content import opening


def test_a_link_is_followed_by_its_parts_and_not_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is exchanged for a link between the look and the opening leads nowhere."""
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "deep").mkdir(parents=True)
    outside.mkdir()
    (home / "deep" / "a.md").write_text("words")
    (outside / "a.md").write_text("secret")
    (home / "link.md").symlink_to("deep/a.md")
    assert opening.read(home / "link.md").data == b"words"
    real = opening.open_below

    def exchanged(folder: Path, parts: tuple[str, ...]) -> int:
        (home / "deep").rename(home / "away")
        (home / "deep").symlink_to(outside)
        return real(folder, parts)

    monkeypatch.setattr(opening, "open_below", exchanged)
    with pytest.raises((opening.NotAnEntryError, OSError)):
        opening.read(home / "link.md")


def test_a_link_to_what_is_no_file_does_not_wait(tmp_path: Path) -> None:
    """Pipes, folders and devices behind a link are refused at once."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, to in (("a", "pipe"), ("b", "folder"), ("c", "/dev/zero"), ("d", ".")):
        (tmp_path / f"{name}.md").symlink_to(to)
        with pytest.raises(opening.NotAnEntryError):
            opening.read(tmp_path / f"{name}.md")
