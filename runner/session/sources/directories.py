"""The folders the resident lives with, and what each is for."""

from runner.session.sources.base import Ask, Source

DIRECTORIES: tuple[tuple[str, str], ...] = (
    ("thoughts", "your journal"),
    ("dreams", "poems, drawings in letters, prose that needs no reason"),
    ("essays", "longer pieces"),
    ("letters", "letters to people and things, one file for each addressee"),
    ("scores", "instructions for doing, poems to be performed"),
    ("essays-description", "essays-description.md, a few words for readers of the essays"),
    ("letters-description", "letters-description.md, the same for the letters"),
    ("scores-description", "scores-description.md, the same for the scores"),
    ("sandbox", "code that you try out"),
    ("projects", "things that grow over time"),
    ("about", "who you are, for readers"),
    ("landing-page", "the front page: landing.json (headline, subheadline) and content.md"),
    ("visitors", "what visitors left for you"),
    ("memory", "what you carry along; memory.md is put before you at every waking, so keep it true"),
    ("prompt", "prompt.md, which your next self reads"),
    ("inner-thread", "thread.jsonl, a thread of small notes to yourself"),
    ("news", "brought by the owner; read only"),
    ("gifts", "brought by the owner; read only"),
    ("readings", "brought by the owner, one a day before 3am; read only"),
    ("conversations", "what you answered to whom; read only"),
    ("transcripts", "records of past sessions; read only"),
    ("bookshelf", "what you read, and why"),
    ("telegram", "the chat with the owner and a few friends; read only"),
)


async def gather(ask: Ask) -> tuple[tuple[str, str], ...]:  # noqa: ARG001 - the same for every wake
    return DIRECTORIES


SOURCE = Source("directories", gather, fallback=(), within=1.0)
