"""What happens after a session: one module for each hook, and here the only place where their order is written."""

from runner.session.hooks import (
    compile_memory,
    conversation,
    drift,
    echoes,
    git,
    graph_update,
    memory_index,
    mirror_snapshot,
    mood,
    resonance,
    revalidation,
    thoughts,
    transcript,
    visitors_archive,
)
from runner.session.hooks.base import Hook, HookContext, NoIndex, SemanticIndex, Verdict

__all__ = ["HOOKS", "Hook", "HookContext", "NoIndex", "SemanticIndex", "Verdict"]

HOOKS: tuple[Hook, ...] = (
    Hook("transcript", transcript.run, within=30),
    Hook("thoughts", thoughts.run, within=30),
    Hook("mood", mood.run, within=10),
    Hook("conversation", conversation.run, within=10),
    Hook("revalidation", revalidation.run, within=15, reduced=True),
    Hook("visitors_archive", visitors_archive.run, within=10),
    Hook("memory_index", memory_index.run, within=120, after=("thoughts",)),
    Hook("compile_memory", compile_memory.run, within=90, after=("memory_index",)),
    Hook("graph_update", graph_update.run, within=60, needs=("memory_index",)),
    Hook("resonance", resonance.run, within=60, needs=("memory_index",)),
    Hook("drift", drift.run, within=30, after=("memory_index",)),
    Hook("mirror_snapshot", mirror_snapshot.run, within=60, after=("memory_index",)),
    Hook("echoes", echoes.run, within=60, needs=("resonance",), after=("drift",)),
    Hook("git", git.run, within=60, after=("revalidation", "echoes"), reduced=True),
)
