"""Sun, moon and aurora over the home's city: how long the day is, and how it changes from date to date."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import attrs
import trio

from runner.session.sources import sky
from runner.session.sources.base import Ask, MissingError, Source
from runner.storage import files

DAYLIGHT = "daylight-prev.txt"
_AURORA = ((5, "active"), (4, "likely tonight"), (3, "possible tonight"))
PHASES = (
    *("New Moon", "Waxing Crescent", "First Quarter", "Waxing Gibbous"),
    *("Full Moon", "Waning Gibbous", "Last Quarter", "Waning Crescent"),
)
"""The service's words for the moon; no other word of it comes into the prompt."""


@attrs.frozen
class Daylight:
    """How long the sun is up on a date, and how long it was on the date seen before it."""

    date: str
    seconds: int
    prev_seconds: int | None = None
    prev_date: str | None = None


@attrs.frozen
class Sun:
    date: str
    rise: str
    set: str
    seconds: int
    moon: str


def sun(answer: dict[str, Any], today: date) -> Sun:
    """What the weather service says about sun and moon."""
    try:
        day = answer["weather"][0]
        facts = day["astronomy"][0]
        rise, sunset = (datetime.strptime(facts[name], "%I:%M %p") for name in ("sunrise", "sunset"))  # noqa: DTZ007 - wall times of one day
        phase = facts["moon_phase"]
        lit = round(float(facts["moon_illumination"]))
        written = date.fromisoformat(day.get("date") or today.isoformat()).isoformat()
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise MissingError("the weather service says nothing about sun and moon that can be read") from None
    seconds = round((sunset - rise).total_seconds())
    if seconds <= 0:
        raise MissingError("the weather service lets the sun set before it rises")
    return Sun(
        written,
        f"{rise:%H:%M}",
        f"{sunset:%H:%M}",
        seconds,
        f"{phase}, {lit} % lit" if phase in PHASES else f"{lit} % lit",
    )


def follow(old: Daylight | None, now: Sun) -> Daylight:
    """The next state of the daylight file: what is compared with is the date before, never the wake before."""
    if old is None:
        return Daylight(now.date, now.seconds)
    if old.date == now.date:
        return attrs.evolve(old, seconds=now.seconds)
    return Daylight(now.date, now.seconds, old.seconds, old.date or None)


def read_daylight(path: Path) -> Daylight | None:
    """The file as it is now, or as the predecessor wrote it: a bare number of seconds. Blocking."""
    try:
        value = json.loads(files.read_text(path, limit=4096))
    except (OSError, ValueError, RecursionError):
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return Daylight("", value)
    if not isinstance(value, dict) or not isinstance(value.get("seconds"), int):
        return None
    prev, prev_date = value.get("prev_seconds"), _day(value.get("prev_date"))
    return Daylight(_day(value.get("date")) or "", value["seconds"], prev if isinstance(prev, int) else None, prev_date)


def _day(value: object) -> str | None:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        return None


def in_words(state: Daylight) -> str:
    """The length of the day, and in whole minutes what became of it."""
    hours, minutes = divmod(state.seconds // 60, 60)
    words = f"{hours}h {minutes}m of daylight"
    delta = state.seconds - (state.seconds if state.prev_seconds is None else state.prev_seconds)
    if abs(delta) < 60:
        return words
    since = "before"
    if state.prev_date is not None:
        days = (date.fromisoformat(state.date) - date.fromisoformat(state.prev_date)).days
        since = "yesterday" if days == 1 else f"on {state.prev_date}"
    return f"{words}, {abs(delta) // 60} min {'more' if delta > 0 else 'less'} than {since}"


def aurora(rows: list[Any]) -> str:
    """The last observed Kp of the feed, whose rows are lists under a header, or objects."""
    observed = [kp for row in rows if (kp := _observed(row)) is not None]
    if not observed:
        raise MissingError("the aurora forecast holds no observed value")
    kp = round(observed[-1])
    word = next((word for least, word in _AURORA if kp >= least), "quiet")
    return f"Aurora: {word} (Kp {kp})."


def _observed(row: Any) -> float | None:
    if isinstance(row, dict):
        fields = {str(name).lower(): value for name, value in row.items()}
        status = fields.get("status", fields.get("observed"))
        raw = fields.get("kp", fields.get("kp_index"))
    elif isinstance(row, list) and len(row) > 2:
        raw, status = row[1], row[2]
    else:
        return None
    if str(status).lower() != "observed":
        return None
    try:
        kp = float(str(raw))
    except ValueError:
        return None  # the header row, whose third column is called like the value
    return kp if 0 <= kp <= 9 else None


async def gather(ask: Ask) -> str:
    """Both parts side by side; the one that can't be had is left out, with its reason in the session log."""
    found: dict[str, str] = {}
    failed: dict[str, MissingError] = {}

    async def part(name: str, tell: Callable[[Ask], Any]) -> None:
        try:
            found[name] = await tell(ask)
        except MissingError as error:
            failed[name] = error

    async with trio.open_nursery() as nursery:
        nursery.start_soon(part, "sun", _sun_line)
        nursery.start_soon(part, "aurora", _aurora_line)
    told = "\n".join(found[name] for name in ("sun", "aurora") if found.get(name))
    if failed:
        raise MissingError("; ".join(f"{name}: {error}" for name, error in failed.items()), instead=told)
    return told


async def _sun_line(ask: Ask) -> str:
    answer = await sky.forecast(ask)
    if answer is None:
        return ""
    now = sun(answer, ask.now.date())
    path = ask.settings.paths.data / DAYLIGHT
    old = await ask.run_sync(lambda: read_daylight(path))
    state = follow(old, now)
    if ask.keep and state != old:
        await ask.run_sync(lambda: _write(path, state))
    return f"Sun from {now.rise} to {now.set}, {in_words(state)}. Moon: {now.moon}."


async def _aurora_line(ask: Ask) -> str:
    rows = await sky.kp_rows(ask)
    return "" if rows is None else aurora(rows)


def _write(path: Path, state: Daylight) -> None:
    try:
        files.make_folder(path.parent, mode=0o700)
        files.write_json(path, attrs.asdict(state))
    except OSError:
        return  # a full disk costs tomorrow's comparison, and nothing else


SOURCE = Source("helsinki_light", gather, within=8.0, remote=True)
