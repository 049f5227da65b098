"""The newest thought, whole: what the resident wrote last."""

from pathlib import Path

from runner.content import decoding
from runner.session.sources.base import CUT_MARK, READ_LIMIT, Ask, Source, entries
from runner.storage import files

LIMIT = 20_000
LOOKED_AT = 5
"""Newest files that are tried: one that is no text can't be what was thought."""


def newest(folder: Path) -> str | None:
    """Its name and its text, in whatever encoding it was saved. Blocking."""
    for entry in entries(folder, suffix=".md")[:LOOKED_AT]:
        try:
            text = decoding.decoded(files.read_bytes(folder / entry.name, limit=READ_LIMIT)).text
        except decoding.NoTextError:
            continue
        return f"{entry.name}\n\n{text if len(text) <= LIMIT else text[:LIMIT] + CUT_MARK}"
    return None


async def gather(ask: Ask) -> str:
    folder = ask.settings.paths.thoughts
    return await ask.run_sync(lambda: newest(folder)) or "(no thought has been written yet)"


SOURCE = Source("recent_thought", gather, fallback="(the newest thought can't be read)")
