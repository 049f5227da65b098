"""What happens after a session: one module for each hook, and here the only place where their order is written."""

from runner.session.hooks import conversation, thoughts, transcript
from runner.session.hooks.base import Hook, HookContext, Verdict

__all__ = ["HOOKS", "Hook", "HookContext", "Verdict"]

HOOKS: tuple[Hook, ...] = (
    Hook("transcript", transcript.run, within=30),
    Hook("thoughts", thoughts.run, within=30),
    Hook("conversation", conversation.run, within=10),
)
