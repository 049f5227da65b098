"""The newest thought, whole: what the resident wrote last."""

import stat
from pathlib import Path

from runner.session.sources.base import Ask, Source

LIMIT = 20_000


def newest(folder: Path) -> Path | None:
    """The most recently written markdown file of the folder; links and the README don't count. Blocking."""
    best: tuple[int, str] | None = None
    for path in folder.glob("*.md"):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and path.name != "README.md":
            best = max(best or (0, ""), (found.st_mtime_ns, path.name))
    return folder / best[1] if best else None


async def gather(ask: Ask) -> str:
    path = await ask.run_sync(lambda: newest(ask.settings.paths.thoughts))
    if path is None:
        return "(no thought has been written yet)"
    return f"{path.name}\n\n{await ask.text_of(path, LIMIT)}"


SOURCE = Source("recent_thought", gather, fallback="(the newest thought can't be read)")
