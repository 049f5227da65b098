"""The folders the resident lives with, and what each is for; a session is told of those that it can look into."""

from runner.home.tree import TOP
from runner.session.sources.base import Ask, Source

DIRECTORIES = tuple(
    (folder.name, folder.about if folder.writable else f"{folder.about}; read only") for folder in TOP if folder.about
)


async def gather(ask: Ask) -> tuple[tuple[str, str], ...]:  # noqa: ARG001 - the same for every wake
    return DIRECTORIES


SOURCE = Source("directories", gather, fallback=(), within=1.0)
