"""How many gifts there are, and how many of them came since yesterday."""

from datetime import timedelta

from runner.session.sources.base import Ask, Source, entries

FRESH = timedelta(days=1)
DESCRIPTION = ".meta.md"
"""Lies beside a gift that has no room for words of its own, and is no gift itself."""


async def gather(ask: Ask) -> str:
    found = await ask.run_sync(lambda: entries(ask.settings.paths.gifts))
    gifts = [entry for entry in found if not entry.name.endswith(DESCRIPTION)]
    if not gifts:
        return ""
    since = (ask.now - FRESH).timestamp() * 1e9
    fresh = sum(entry.mtime_ns >= since for entry in gifts)
    return f"gifts/ holds {len(gifts)}; {fresh or 'none'} of them came in the last day."


SOURCE = Source("gifts_check", gather)
