"""Letters that visitors left and nobody has seen yet: every file still lying in visitors/, oldest first."""

from pathlib import Path

from runner.session.sources.base import Ask, Letter, Source
from runner.storage import files

MOST = 20
LETTER_LIMIT = 2_000
TOTAL_LIMIT = 12_000


def letters(folder: Path) -> tuple[tuple[Letter, ...], int]:
    """The letters to show, and how many are left for another time. Blocking."""
    names = sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")
    shown: list[Letter] = []
    total = 0
    for name in names:
        if len(shown) == MOST or total >= TOTAL_LIMIT:
            break
        try:
            text = files.read_text(folder / name, limit=256 * 1024).strip()
        except (OSError, files.FileTooLarge):
            continue
        body = text[: min(LETTER_LIMIT, TOTAL_LIMIT - total)]
        total += len(body)
        shown.append(Letter(f"visitors/{name}", body if len(body) == len(text) else body + "\n[...]", name))
    return tuple(shown), max(0, len(names) - len(shown))


async def gather(ask: Ask) -> tuple[tuple[Letter, ...], int]:
    if not ask.kind.shows_visitors:
        return (), 0
    return await ask.run_sync(lambda: letters(ask.settings.paths.visitors))


SOURCE = Source("visitors", gather, fallback=((), 0))
