"""What the services beyond this machine say about the sky: asked once a wake, and kept for half an hour in data/.

The weather service answers weather, sun and moon in one request; the aurora forecast is a second one, and goes beside
it. Each can be switched off by an empty address.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import trio

from runner.session.sources.base import Ask, MissingError, instant
from runner.settings import is_loopback
from runner.storage import files

KEPT = timedelta(minutes=30)
WITHIN = 5.0
LONGEST = 2 * 1024 * 1024
OK: Final = 200


async def forecast(ask: Ask) -> dict[str, Any] | None:
    """The weather service's answer (its `j1` form) for the home's city; None when it is switched off."""
    base = ask.settings.world.weather_url
    if not base:
        return None
    place = quote(ask.settings.resident.city, safe="")
    found = await ask.memo.once("weather", lambda: _kept(ask, "weather", f"{base.rstrip('/')}/{place}?format=j1"))
    if not isinstance(found, dict):
        raise MissingError("the weather service's answer is no object")
    return found


async def kp_rows(ask: Ask) -> list[Any] | None:
    """The rows of the aurora forecast; None when it is switched off."""
    url = ask.settings.world.kp_url
    if not url:
        return None
    found = await ask.memo.once("kp", lambda: _kept(ask, "kp", url))
    if not isinstance(found, list):
        raise MissingError("the aurora forecast is no list")
    return found


async def _kept(ask: Ask, name: str, url: str) -> Any:
    path = ask.settings.paths.data / f"{name}-cache.json"
    try:
        kept = await ask.run_sync(lambda: files.read_json(path, limit=2 * LONGEST))
    except (OSError, ValueError, RecursionError):
        kept = None
    if isinstance(kept, dict) and kept.get("url") == url and _fresh(kept.get("at"), ask.now):
        return kept.get("value")
    value = await fetch(ask, url)
    if ask.keep:
        await ask.run_sync(lambda: _keep(path, {"url": url, "at": _stamp(ask.now), "value": value}))
    return value


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")


def _fresh(at: object, now: datetime) -> bool:
    try:
        age = now.astimezone(UTC) - instant(at)
    except MissingError:
        return False
    return timedelta(seconds=-1) <= age < KEPT  # a stamp from the future is a clock that was put back


def _keep(path: Path, entry: dict[str, Any]) -> None:
    """Blocking."""
    try:
        files.make_folder(path.parent, mode=0o700)
        files.write_json(path, entry, mode=0o600)
    except OSError:
        return  # a full disk costs the next wake one more request, and nothing else


async def fetch(ask: Ask, url: str) -> Any:
    """GET and read JSON, within the time and size that a wake has for it."""
    host = urlsplit(url).hostname or ""
    try:
        with trio.fail_after(WITHIN):
            # built in a thread: it loads the machine's certificates, which takes a while
            client = await ask.run_sync(
                lambda: httpx.AsyncClient(
                    timeout=WITHIN, follow_redirects=True, max_redirects=3, trust_env=not is_loopback(host)
                )
            )
            async with client, client.stream("GET", url, headers={"Accept": "application/json"}) as answer:
                if answer.status_code != OK:
                    raise MissingError(f"{host} answered {answer.status_code}")
                body = bytearray()
                async for piece in answer.aiter_bytes():  # to its end in any case: left early it would not be closed
                    body += piece[: LONGEST + 1 - len(body)]
    except trio.TooSlowError:
        raise MissingError(f"{host} did not answer within {WITHIN:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise MissingError(f"{host} can't be reached ({type(error).__name__}: {error})") from None
    if len(body) > LONGEST:
        raise MissingError(f"the answer of {host} is over {LONGEST // 1024} KiB")
    try:
        return json.loads(bytes(body))
    except (ValueError, RecursionError):
        raise MissingError(f"{host} answered something that is no JSON: {bytes(body[:60])!r}") from None
