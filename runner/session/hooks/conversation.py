"""Puts the session's answer behind the message it was given."""

from runner.session import conversation
from runner.session.hooks.base import HookContext, Verdict


async def run(context: HookContext) -> Verdict:
    path = context.paths.conversations / f"{context.session_id}.md"
    if not context.kind.saves or not context.message or not context.reply:
        return Verdict.NOT_DUE

    def write() -> Verdict:
        try:
            added = conversation.add_answer(path, context.message, context.reply)
        except FileNotFoundError:
            return Verdict.NOT_DUE
        return Verdict.DONE if added else Verdict.FAILED

    return await context.run_sync(write)
