"""The last two conversations this session may recall: its own, those with the one it is with, and the owner's.

What strangers said in another session is not among them: it would make strangers' company of every session after it.
"""

from pathlib import Path

from runner.content import frontmatter
from runner.session.sources.base import Ask, Letter, Letters, Source, entries
from runner.session.sources.company import OPEN_TYPES, OWN_TYPE, STRANGERS_TYPE, counterpart, same
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
    """Oldest of the two first; those with this person, with nobody None. Blocking."""
    found: list[Letter] = []
    for entry in entries(folder, suffix=".md")[:LOOKED_AT]:
        try:
            page = frontmatter.parse(files.read_bytes(folder / entry.name, limit=FILE_LIMIT))
        except (OSError, files.FileTooLarge):
            continue
        kind, sender = page.text("type"), page.text("sender")
        if kind == OWN_TYPE or (name is not None and _is_with(name, kind, sender, owner)):
            theirs = bool(sender) and not same(sender, owner)
            found.append(Letter(f"conversations/{entry.name}", excerpt(page.body), entry.name, stranger=theirs))
        if len(found) == MOST:
            break
    return Letters(tuple(reversed(found)))


def _is_with(name: str, kind: object, sender: object, owner: str) -> bool:
    """In a visit anybody may have called himself so; other open conversations are the owner's."""
    if kind in OPEN_TYPES:
        return kind != STRANGERS_TYPE and same(name, owner)
    return same(sender, name)


async def gather(ask: Ask) -> Letters:
    folder, owner, name = ask.settings.paths.conversations, ask.settings.resident.owner, await counterpart(ask)
    return await ask.run_sync(lambda: newest(folder, name, owner))


SOURCE = Source("conversation_excerpts", gather, fallback=Letters())
