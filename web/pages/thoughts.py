"""The list of thoughts by day, and one thought to read."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby

from quart import Blueprint, Response, abort, request

from runner.content import Entry, Markdown, PathRefusedError, reading_minutes
from web.api import responses as answers
from web.api.reading import find
from web.pages.layout import Layout
from web.services import Services

KIND = "thoughts"


def pages(services: Services, shell: Layout) -> Blueprint:
    blueprint = Blueprint("thoughts", __name__)
    markdown = Markdown()

    @blueprint.get("/thoughts")
    async def listing() -> Response:
        shelf = services.catalogue().shelves[KIND]
        html = shell.render(
            request,
            "thoughts.html",
            title=shelf.kind.title,
            days=list(by_day(shelf.order)),
            count=len(shelf.order),
            empty=shelf.kind.empty,
        )
        return answers.carried(request, answers.page(html))

    @blueprint.get("/thoughts/<slug>")
    async def one(slug: str) -> Response:
        shelf = services.catalogue().shelves[KIND]
        try:
            entry = await find(services, shelf.kind, slug)
        except PathRefusedError:
            entry = None
        if entry is None:
            abort(404)
        body = await services.run_sync(lambda: markdown.html(without_title(entry)))
        newer, older = neighbours(shelf.order, slug)
        html = shell.render(
            request,
            "thought.html",
            entry=entry,
            day=date.fromisoformat(entry.date),
            body=body,
            minutes=reading_minutes(entry.body),
            newer=newer,
            older=older,
        )
        return answers.carried(request, answers.page(html))

    return blueprint


def by_day(order: tuple[Entry, ...]) -> Iterator[tuple[date, list[Entry]]]:
    for day, entries in groupby(order, key=lambda entry: entry.date):
        yield date.fromisoformat(day), list(entries)


def without_title(entry: Entry) -> str:
    """The text, less a first heading that only repeats the title above it."""
    first, _, rest = entry.body.lstrip("\n").partition("\n")
    return rest if first.startswith("# ") and first[2:].strip() == entry.title else entry.body


def neighbours(order: tuple[Entry, ...], slug: str) -> tuple[Entry | None, Entry | None]:
    """The entry after this one in time, and the one before."""
    for index, entry in enumerate(order):
        if entry.slug == slug:
            return (order[index - 1] if index else None, order[index + 1] if index + 1 < len(order) else None)
    return None, None
