"""Finds passages of different kinds that say nearly the same. The vectors belong to somebody else."""

from runner.session.hooks.base import HookContext, Verdict


async def run(context: HookContext) -> Verdict:
    await context.index.perform("resonance", session_id=context.session_id)
    return Verdict.DONE
