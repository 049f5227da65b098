"""The newest files of the folders the resident might look into."""

from pathlib import Path

from runner.home.tree import TOP
from runner.session import inert
from runner.session.sources.base import Ask, Source, entries

FOLDERS = tuple(folder.name for folder in TOP if folder.newest)
NEWEST = 5
HEADING = "Newest files:"


def lines(home: Path) -> list[str]:
    """One line for each folder that holds something. Blocking."""
    found: list[str] = []
    for folder in FOLDERS:
        newest = entries(home / folder)[:NEWEST]
        if newest:
            found.append(f"  /{folder}: " + ", ".join(inert.one_line(entry.name) for entry in newest))
    return found


async def gather(ask: Ask) -> str:
    return "\n".join([HEADING, *await ask.run_sync(lambda: lines(ask.settings.home))])


SOURCE = Source("file_summary", gather, fallback=HEADING)
