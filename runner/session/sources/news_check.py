"""How much news there is, and how much of it came since yesterday."""

from datetime import timedelta

from runner.session.sources.base import Ask, Source, entries

FRESH = timedelta(days=1)


async def gather(ask: Ask) -> str:
    found = await ask.run_sync(lambda: entries(ask.settings.paths.news, suffix=".md"))
    if not found:
        return ""
    since = (ask.now - FRESH).timestamp() * 1e9
    fresh = sum(entry.mtime_ns >= since for entry in found)
    return f"news/ holds {len(found)}; {fresh or 'none'} of them came in the last day."


SOURCE = Source("news_check", gather)
