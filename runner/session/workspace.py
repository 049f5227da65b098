"""The private folder of one session, data/tmp/<id>/ (0700): its prompts and its raw record. All of it blocks."""

import shutil
from pathlib import Path

import attrs

from runner.session.content_snapshot import ContentSnapshot
from runner.session.kept import Kept


@attrs.frozen
class Workspace:
    folder: Path

    @property
    def stream(self) -> Path:
        return self.folder / "stream.jsonl"

    @property
    def before(self) -> ContentSnapshot:
        return ContentSnapshot(self.folder)

    @property
    def kept(self) -> Kept:
        return Kept(self.folder / "outcome.json")

    def make(self) -> None:
        """A fresh one: what an earlier attempt left is gone."""
        self.wipe()
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700)
        self.kept.reserve()

    def wipe(self) -> None:
        if self.folder.is_symlink():
            self.folder.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget_prompts(self) -> None:
        """Drop everything but what the hooks still need: the raw record, how it ended, and what was so before."""
        needed = {self.stream, self.kept.path, *self.before.files}
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path not in needed:
                    path.unlink(missing_ok=True)


def leftovers(tmp: Path, keep: frozenset[str]) -> list[Workspace]:
    """Folders of sessions that nobody needs any more."""
    if not tmp.is_dir():
        return []
    return [Workspace(path) for path in sorted(tmp.iterdir()) if path.is_dir() and path.name not in keep]
