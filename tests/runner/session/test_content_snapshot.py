"""What was so before the model ran: kept for the hooks, over a restart too."""

from pathlib import Path

from runner.session.content_snapshot import ContentSnapshot, changed, snapshot
from runner.session.workspace import Workspace
from tests.runner.session.stage import make_home


def test_content_is_what_readers_can_see(tmp_path: Path) -> None:
    """Three kinds of files in the public folders, however deep; links, other files and private folders are not."""
    home = make_home(tmp_path)
    for name in ("thoughts/a.md", "sandbox/x/y.py", "about/meta.json", "sandbox/no.txt", "memory/private.md"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    (home / "thoughts" / "link.md").symlink_to(home / "memory" / "memory.md")
    (home / "dreams" / "loop").symlink_to(home)
    found = snapshot(home)
    assert set(found) == {"thoughts/a.md", "sandbox/x/y.py", "about/meta.json"}
    assert found["thoughts/a.md"] == (home / "thoughts" / "a.md").stat().st_mtime_ns
    assert changed({"a": 1, "b": 1, "c": 1}, {"b": 1, "c": 2, "d": 1}) == {"a", "c", "d"}


def test_it_outlives_the_prompts(tmp_path: Path) -> None:
    """What the hooks need stays in the private folder when the prompts go; a damaged or missing file is nothing."""
    home = make_home(tmp_path)
    place = Workspace(home / "data" / "tmp" / "s")
    place.make()
    assert place.before.content() is None
    assert place.before.visitors() == {}
    (home / "visitors" / "a.md").write_text("x")
    place.before.keep(home, ["a.md", "gone.md", "../memory"])
    place.before.tell({"thoughts/a.md": 1})
    (place.folder / "system.md").write_text("a prompt")
    place.forget_prompts()
    assert {path.name for path in place.folder.iterdir()} == {"before.json", "told.json", "outcome.json"}
    again = ContentSnapshot(place.folder)
    assert set(again.visitors()) == {"a.md"}
    assert (again.content(), again.told()) == ({}, {"thoughts/a.md": 1})
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in again.files)
    for path in again.files:
        path.write_text("[1")
    assert (again.content(), again.told(), again.visitors()) == (None, None, {})
