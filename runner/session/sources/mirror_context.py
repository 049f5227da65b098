"""A pointer to the last look into the mirror: data/mirror-snapshot.json."""

from datetime import date

from runner.session.sources.base import Ask, MissingError, Source, one_line

FILE = "mirror-snapshot.json"


async def gather(ask: Ask) -> str:
    snapshot = await ask.json_of(ask.settings.paths.data / FILE)
    if not isinstance(snapshot, dict):
        raise MissingError(f"{FILE} is no object")
    if snapshot.get("status") == "insufficient_data":
        return ""
    try:
        taken = date.fromisoformat(str(snapshot.get("computed_at"))[:10])
    except ValueError:
        raise MissingError(f"{FILE} has no computed_at") from None
    days = max(0, (ask.now.date() - taken).days)
    age = "today" if days == 0 else f"{days} day{'s' if days != 1 else ''} ago"
    return f"The last mirror of yourself is from day {one_line(snapshot.get('day', '?'), 10)}, taken {age}."


SOURCE = Source("mirror_context", gather)
