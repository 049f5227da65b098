"""Ties new passages of the memory to those near them. The vectors belong to somebody else."""

from runner.session.hooks.base import HookContext, Verdict


async def run(context: HookContext) -> Verdict:
    await context.index.perform("graph_update", session_id=context.session_id)
    return Verdict.DONE
