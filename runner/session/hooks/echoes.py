"""Makes the manifest of echoes, and tells the readers' site of it and of what changed since it was told last."""

from runner.session import webhook
from runner.session.content_snapshot import changed, snapshot
from runner.session.hooks.base import HookContext, NotDueError, Verdict


async def run(context: HookContext) -> Verdict:
    waiting: NotDueError | None = None
    try:
        await context.index.perform("echoes", session_id=context.session_id)
    except NotDueError as reason:
        waiting = reason
    await _tell(context, new_echoes=waiting is None)
    if waiting is not None:
        raise waiting
    return Verdict.DONE


async def _tell(context: HookContext, *, new_echoes: bool) -> None:
    """Other hooks may have written since the first telling: a title added to a thought is news too."""
    hook = context.settings.webhook
    known = await context.run_sync(context.before.told)
    if not hook.url or known is None:
        return
    now = await context.run_sync(lambda: snapshot(context.paths.home))
    tags = webhook.tags_of(changed(known, now))
    if tags or new_echoes:
        await webhook.post(hook.url, hook.secret, {*tags, webhook.ECHOES} if new_echoes else tags)
        await context.run_sync(lambda: context.before.tell(now))
