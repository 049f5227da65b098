"""Brings the vectors up to what the session wrote. The vectors belong to somebody else."""

from runner.session.hooks.base import HookContext, Verdict


async def run(context: HookContext) -> Verdict:
    await context.index.perform("memory_index", session_id=context.session_id)
    return Verdict.DONE
