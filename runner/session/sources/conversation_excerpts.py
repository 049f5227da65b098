"""The last two conversations this session may recall: public ones, and those with the one it is with."""

from pathlib import Path

from runner.content import frontmatter
from runner.session.sources.base import Ask, Letter, Letters, Source, entries
from runner.session.sources.company import OPEN_TYPES, counterpart, same
from runner.storage import files

MOST = 2
LIMIT = 2_000
LOOKED_AT = 40
FILE_LIMIT = 1024 * 1024


def excerpt(text: str, limit: int = LIMIT) -> str:
    """Beginning and end, with a mark where the middle was."""
    text = text.strip()
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half].rstrip()}\n[...]\n{text[-half:].lstrip()}"


def newest(folder: Path, name: str | None, owner: str) -> Letters:
    """Oldest of the two first. Blocking."""
    found: list[Letter] = []
    for entry in entries(folder, suffix=".md")[:LOOKED_AT]:
        try:
            page = frontmatter.parse(files.read_bytes(folder / entry.name, limit=FILE_LIMIT))
        except (OSError, files.FileTooLarge):
            continue
        kind, sender = page.text("type"), page.text("sender")
        if kind in OPEN_TYPES or (name is not None and same(sender, name)):
            theirs = kind == "visit" or not (not sender or same(sender, owner))
            found.append(Letter(f"conversations/{entry.name}", excerpt(page.body), entry.name, stranger=theirs))
        if len(found) == MOST:
            break
    return Letters(tuple(reversed(found)))


async def gather(ask: Ask) -> Letters:
    folder, owner = ask.settings.paths.conversations, ask.settings.resident.owner
    return await ask.run_sync(lambda: newest(folder, counterpart(ask), owner))


SOURCE = Source("conversation_excerpts", gather, fallback=Letters())
