"""Gathering what a waking session should know: every source side by side, each with its own deadline and stand-in."""

from collections.abc import Mapping
from typing import Any

import attrs
import trio

from runner.session.sources import (
    ambient_state,
    chat_excerpts,
    compiled_memory,
    conversation_excerpts,
    current_time,
    current_time_tz,
    day_counter,
    directories,
    drift_context,
    file_summary,
    gifts_check,
    helsinki_light,
    house_notes,
    identity_content,
    impulse_context,
    inner_thread_context,
    letters_context,
    memory_content,
    memory_echoes,
    mirror_context,
    news_check,
    page_notes,
    prompt_file_content,
    recent_thought,
    session_name,
    time_context,
    today_date,
    visitor_check,
    visitors,
    voice_content,
    weather,
)
from runner.session.sources.base import Ask, Letters, MissingError, Source

SOURCES: tuple[Source, ...] = (
    weather.SOURCE,
    helsinki_light.SOURCE,
    memory_echoes.SOURCE,
    time_context.SOURCE,
    day_counter.SOURCE,
    ambient_state.SOURCE,
    recent_thought.SOURCE,
    identity_content.SOURCE,
    voice_content.SOURCE,
    memory_content.SOURCE,
    compiled_memory.SOURCE,
    file_summary.SOURCE,
    visitor_check.SOURCE,
    news_check.SOURCE,
    gifts_check.SOURCE,
    today_date.SOURCE,
    current_time.SOURCE,
    current_time_tz.SOURCE,
    session_name.SOURCE,
    prompt_file_content.SOURCE,
    directories.SOURCE,
    inner_thread_context.SOURCE,
    drift_context.SOURCE,
    impulse_context.SOURCE,
    mirror_context.SOURCE,
    # beside the 25 fields that the predecessor had too
    house_notes.SOURCE,
    page_notes.SOURCE,
    visitors.SOURCE,
    chat_excerpts.SOURCE,
    conversation_excerpts.SOURCE,
    letters_context.SOURCE,
)
WITHIN = 10.0


@attrs.frozen
class Context:
    """One value for every source, and why some are stand-ins."""

    values: Mapping[str, Any]
    missing: Mapping[str, str]

    def text(self, name: str) -> str:
        return str(self.values[name])

    def letters(self, name: str) -> Letters:
        found: Letters = self.values[name]
        return found


async def gather(
    ask: Ask, sources: tuple[Source, ...] = SOURCES, *, within: float = WITHIN, offline: bool = False
) -> Context:
    """Ask every source at once. Never fails: what can't be had is named, and its stand-in used."""
    values: dict[str, Any] = {source.name: source.fallback for source in sources}
    missing: dict[str, str] = {}

    async def one(source: Source) -> None:
        missing[source.name] = f"not there within {source.within:g} s"
        with trio.move_on_after(source.within):
            try:
                values[source.name] = await source.gather(ask)
            except FileNotFoundError:
                del missing[source.name]  # an absent file is ordinary: a young home has few
            except MissingError as reason:
                missing[source.name] = str(reason)
                if reason.instead is not None:
                    values[source.name] = reason.instead
            except Exception as error:  # noqa: BLE001 - one source's trouble, whatever it is, must not keep the resident asleep
                missing[source.name] = f"{type(error).__name__}: {error}"
            else:
                del missing[source.name]

    with trio.move_on_after(within):
        async with trio.open_nursery() as nursery:
            for source in sources:
                if offline and source.remote:
                    missing[source.name] = "not asked: offline"
                else:
                    nursery.start_soon(one, source)
    return Context(values, missing)
