"""Search over what the resident has written: best hits first, with the words marked."""

from typing import Any

import attrs
from quart import Blueprint

from runner.content import Kinds
from runner.content.entry import dump
from runner.kernel import KernelError
from runner.search import Found, NoMeaningError, SearchQuery, as_hits, blend, deep
from web.api import responses as answers
from web.api.operations import PROBLEMS, Error, Operation, offer, shaped
from web.api.request import ApiRequest, read_query
from web.api.responses import ApiResponse
from web.services import Services

ALL, EVERYTHING = "all", "everything"
LONGEST = 200
MOST, USUAL = 50, 20
FARTHEST = 2**31
"""An offset beyond it finds nothing either."""

WORDS, MEANING, BOTH = "words", "meaning", "both"
RETRY_SECONDS = "60"


@attrs.frozen
class Hit:
    """An entry with the words in it, marked."""

    slug: str
    title: str
    result_type: str
    date: str = shaped(format="date")
    snippet: str = shaped()
    score: float = shaped()
    mood: str | None = shaped()
    dream_type: str | None = shaped()


@attrs.frozen
class Page:
    """Some of the hits, and how many there are."""

    query: str
    results: tuple[Hit, ...]
    total: int
    limit: int
    offset: int


@attrs.frozen
class Question:
    """What may be asked; the singulars of kinds are types as well."""

    q: str = shaped(minLength=1, maxLength=LONGEST)
    type: str = shaped(ALL)
    mode: str = shaped(WORDS, enum=[WORDS, MEANING, BOTH])
    limit: int = shaped(USUAL, minimum=1, maximum=MOST)
    offset: int = shaped(0, minimum=0)


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("search", __name__)
    types = types_of(services.catalogue().kinds)
    rules = {"type": {"enum": list(types)}}
    operation = Operation(query=Question, query_rules=rules, answers={200: Page, 422: PROBLEMS, 503: Error})

    @offer(blueprint, "/search", operation, hot=True)
    async def search(ask: ApiRequest) -> ApiResponse:
        """A page of hits. `type=all` means thoughts and dreams, as older clients expect; `everything` every kind."""
        asked = read_query(ask, Question, rules)
        wanted = SearchQuery(
            text=asked.q, kinds=types[asked.type], limit=asked.limit, offset=min(asked.offset, FARTHEST)
        )
        try:
            found = await find(services, asked.mode, wanted)
        except (NoMeaningError, KernelError) as error:
            return answers.detail(503, str(error), headers={"Retry-After": RETRY_SECONDS})
        data = dump(document(wanted, found))
        return answers.ready(data)

    return blueprint


async def find(services: Services, mode: str, wanted: SearchQuery) -> Found:
    """By words, by meaning, or both blended. `NoMeaningError` where there is no semantic index."""
    if mode == WORDS:
        return await services.search(wanted)
    near = as_hits(services.catalogue(), await services.meaning(deep(wanted)))
    if mode == MEANING:
        return blend(wanted, near)
    return blend(wanted, (await services.search(deep(wanted))).hits, near)


def types_of(kinds: Kinds) -> dict[str, tuple[str, ...]]:
    """Each value of `type` with the kinds it means."""
    return {
        ALL: tuple(kind.name for kind in kinds if kind.in_all),
        EVERYTHING: tuple(kind.name for kind in kinds),
        **{kind.singular: (kind.name,) for kind in kinds},
    }


def document(wanted: SearchQuery, found: Found) -> dict[str, Any]:
    """The answer; its keys stand in the contract's order."""
    hits = [
        {
            "slug": hit.slug,
            "title": hit.title,
            "result_type": hit.result_type,
            "date": hit.date,
            "snippet": hit.snippet,
            "score": hit.score,
            "mood": hit.mood,
            "dream_type": hit.dream_type,
        }
        for hit in found.hits
    ]
    return {
        "query": wanted.text,
        "results": hits,
        "total": found.total,
        "limit": wanted.limit,
        "offset": wanted.offset,
    }
