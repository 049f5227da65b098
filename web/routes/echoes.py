"""Entries that resemble an entry, as the manifest has them. What is missing or odd in it is no echo, never an error."""

import json
import math
import os
from datetime import date
from pathlib import Path
from typing import Any

import attrs
from quart import Blueprint

from runner.content import Stamp
from runner.content.entry import dump
from web.api import responses as answers
from web.api.operations import Error, Operation, offer, shaped
from web.api.request import ApiRequest
from web.api.responses import ApiResponse
from web.services import Services

MANIFEST = Path("runner", "memory", "data", "echoes_manifest.json")
LARGEST = 64 * 1024 * 1024


@attrs.frozen
class Echo:
    """An entry that resembles another, and how much."""

    content_type: str
    slug: str = shaped(minLength=1)
    title: str = shaped(minLength=1)
    date: str = shaped(format="date")
    similarity: float = shaped(minimum=0, maximum=1)


@attrs.frozen
class EchoesOf:
    """All echoes of one entry, in the manifest's order."""

    echoes: tuple[Echo, ...]


NONE = answers.ready(dump(attrs.asdict(EchoesOf(()))))


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("echoes", __name__)
    types = frozenset(kind.name for kind in services.catalogue().kinds if kind.echoed)
    manifest = Manifest(services.settings.home / MANIFEST, types)
    operation = Operation(
        summary="What resembles an entry",
        path={"content_type": {"type": "string"}, "slug": {"type": "string"}},
        answers={200: EchoesOf, 404: Error},
    )

    @offer(blueprint, "/echoes/<content_type>/<slug>", operation, hot=True)
    async def echoes(_ask: ApiRequest, content_type: str, slug: str) -> ApiResponse:
        stamp = manifest.stamp()  # one stat of a small local file: cheaper than a thread
        if stamp != manifest.known:
            await services.run_sync(lambda: manifest.read(stamp))
        return manifest.answer(content_type, slug)

    return blueprint


@attrs.define
class _Read:
    stamp: Stamp | None
    echoes: dict[str, Any]
    answers: dict[str, ApiResponse] = attrs.field(factory=dict)
    """What was made of it when somebody asked."""


@attrs.define(eq=False)
class Manifest:
    """The file, read again when it has changed. Two who read it at once read the same."""

    path: Path
    types: frozenset[str]
    _last: _Read = attrs.field(factory=lambda: _Read(None, {}), init=False)

    @property
    def known(self) -> Stamp | None:
        """The stamp of what was read last; None for no file."""
        return self._last.stamp

    def stamp(self) -> Stamp | None:
        """The file's, now."""
        try:
            return Stamp.of(os.stat(self.path))  # noqa: PTH116 - a stat like the others'
        except OSError:
            return None

    def read(self, stamp: Stamp | None) -> None:
        """Take in the file that had this stamp; blocking."""
        readable = stamp is not None and stamp.size <= LARGEST
        self._last = _Read(stamp, self._load() if readable else {})

    def answer(self, content_type: str, slug: str) -> ApiResponse:
        """What is said of an entry; made once from what was read, for entries that have echoes."""
        last = self._last
        key = f"{content_type}/{slug}"
        listed = last.echoes.get(key) if content_type in self.types else None
        if not isinstance(listed, list):
            return NONE
        if key not in last.answers:
            found = tuple(echo for item in listed if (echo := self._echo(item)) is not None)
            last.answers[key] = answers.ready(dump(attrs.asdict(EchoesOf(found))))
        return last.answers[key]

    def _load(self) -> dict[str, Any]:
        try:
            value = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        echoes = value.get("echoes") if isinstance(value, dict) else None
        return echoes if isinstance(echoes, dict) else {}

    def _echo(self, item: Any) -> Echo | None:
        if not isinstance(item, dict):
            return None
        texts = [item.get(name) for name in ("content_type", "slug", "title", "date")]
        number = item.get("similarity")
        if not all(isinstance(text, str) and text for text in texts) or texts[0] not in self.types:
            return None
        if isinstance(number, bool) or not isinstance(number, int | float) or math.isnan(number):
            return None
        content_type, slug, title, day = map(str, texts)
        if not _is_day(day):
            return None
        return Echo(content_type, slug, title, day, float(min(1, max(0, number))))


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
