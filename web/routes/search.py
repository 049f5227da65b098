"""Search over what the resident has written: best hits first, with the words marked."""

import re
from typing import Any

import attrs
from quart import Blueprint, Request, Response, request

from runner.content import Kinds, strong_etag
from runner.content.entry import dump
from runner.kernel import KernelError
from runner.search import Found, NoMeaningError, Wanted
from web import answers
from web.declared import PROBLEMS, Error, Operation, offer, shaped
from web.services import Services

ALL, EVERYTHING = "all", "everything"
LONGEST = 200
MOST, USUAL = 50, 20
FARTHEST = 2**31
"""An offset beyond it finds nothing either."""

WORDS, MEANING, BOTH = "words", "meaning", "both"
RETRY_SECONDS = "60"

INTEGER = re.compile(r"[+-]?[0-9]{1,30}")


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


OPERATION = Operation(query=Question, answers={200: Page, 422: PROBLEMS, 503: Error})


@attrs.frozen
class Asked:
    """A checked question."""

    wanted: Wanted
    mode: str


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("search", __name__)
    types = types_of(services.catalogue().kinds)

    @offer(blueprint, "/search", OPERATION)
    async def search() -> Response:
        """A page of hits. `type=all` means thoughts and dreams, as older clients expect; `everything` every kind."""
        asked = read_question(request, types)
        if not isinstance(asked, Asked):
            return answers.as_json({"detail": asked}, status=422)
        if asked.mode != WORDS:
            try:
                await services.meaning(asked.wanted)
            except (NoMeaningError, KernelError) as error:
                return answers.detail(503, str(error), headers={"Retry-After": RETRY_SECONDS})
        data = dump(document(asked.wanted, await services.search(asked.wanted)))
        return answers.ready(request, data, strong_etag(data))

    return blueprint


def types_of(kinds: Kinds) -> dict[str, tuple[str, ...]]:
    """Each value of `type` with the kinds it means."""
    return {
        ALL: tuple(kind.name for kind in kinds if kind.in_all),
        EVERYTHING: tuple(kind.name for kind in kinds),
        **{kind.singular: (kind.name,) for kind in kinds},
    }


def document(wanted: Wanted, found: Found) -> dict[str, Any]:
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


def read_question(asked: Request, types: dict[str, tuple[str, ...]]) -> Asked | list[dict[str, Any]]:
    """The question, or all that is wrong with it."""
    wrong: list[dict[str, Any]] = []
    text = asked.args.get("q")
    if text is None:
        wrong.append(_problem("q", "missing", "q is required: the words to look for", None))
    elif not text:
        wrong.append(_problem("q", "string_too_short", "q needs at least 1 character", text, {"min_length": 1}))
    elif len(text) > LONGEST:
        problem = _problem("q", "string_too_long", f"q may have {LONGEST} characters", text, {"max_length": LONGEST})
        wrong.append(problem)
    kind = _one_of(asked, "type", tuple(types), ALL, wrong)
    mode = _one_of(asked, "mode", (WORDS, MEANING, BOTH), WORDS, wrong)
    limit = _number(asked, "limit", (1, MOST), USUAL, wrong)
    offset = _number(asked, "offset", (0, None), 0, wrong)
    if wrong or text is None:
        return wrong
    return Asked(Wanted(text=text, kinds=types[kind], limit=limit, offset=min(offset, FARTHEST)), mode)


def _one_of(asked: Request, name: str, allowed: tuple[str, ...], usual: str, wrong: list[dict[str, Any]]) -> str:
    value: str = asked.args.get(name, usual)
    if value not in allowed:
        expected = ", ".join(allowed)
        message = f"this {name} is not known; allowed are {expected}"
        wrong.append(_problem(name, "literal_error", message, value, {"expected": expected}))
    return value


def _number(asked: Request, name: str, span: tuple[int, int | None], usual: int, wrong: list[dict[str, Any]]) -> int:
    text = asked.args.get(name)
    if text is None:
        return usual
    if not INTEGER.fullmatch(text.strip()):
        wrong.append(_problem(name, "int_parsing", f"{name} has to be a whole number", text))
        return usual
    number = int(text)
    least, most = span
    if number < least:
        message = f"{name} has to be {least} or more"
        wrong.append(_problem(name, "greater_than_equal", message, text, {"ge": least}))
    elif most is not None and number > most:
        message = f"{name} has to be {most} or less"
        wrong.append(_problem(name, "less_than_equal", message, text, {"le": most}))
    return number


def _problem(
    name: str, problem: str, message: str, value: str | None, context: dict[str, Any] | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": problem,
        "loc": ["query", name],
        "msg": message,
        "input": None if value is None else value[:LONGEST],
    }
    return found if context is None else {**found, "ctx": context}
