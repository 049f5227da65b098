"""What old writing has to say about this waking. It takes an index by meaning, which this home has not got yet."""

from runner.session.sources.base import Ask, MissingError, Source


async def gather(ask: Ask) -> str:  # noqa: ARG001 - there is nothing to ask yet
    raise MissingError("the semantic index is not built yet")


SOURCE = Source("memory_echoes", gather)
