"""Gathering what a waking session should know: every source side by side, each with its own deadline and stand-in."""

from collections.abc import Mapping
from typing import Any

import attrs
import trio

from runner.session.sources import clock, identity, memory, notes, prompt_file, thought, visitors, voice
from runner.session.sources.base import Ask, Letter, Source

SOURCES: tuple[Source, ...] = (
    identity.SOURCE,
    voice.SOURCE,
    notes.SOURCE,
    clock.SOURCE,
    memory.SOURCE,
    prompt_file.SOURCE,
    thought.SOURCE,
    visitors.SOURCE,
)
WITHIN = 10.0


@attrs.frozen
class Context:
    """One value for every source, and why some are stand-ins."""

    values: Mapping[str, Any]
    missing: Mapping[str, str]

    def text(self, name: str) -> str:
        return str(self.values[name])

    @property
    def visitors(self) -> tuple[Letter, ...]:
        letters: tuple[Letter, ...] = self.values["visitors"][0]
        return letters


async def gather(ask: Ask, sources: tuple[Source, ...] = SOURCES, *, within: float = WITHIN) -> Context:
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
            except Exception as error:  # noqa: BLE001 - one source's trouble, whatever it is, must not keep the resident asleep
                missing[source.name] = f"{type(error).__name__}: {error}"
            else:
                del missing[source.name]

    with trio.move_on_after(within):
        async with trio.open_nursery() as nursery:
            for source in sources:
                nursery.start_soon(one, source)
    return Context(values, missing)
