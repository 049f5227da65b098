"""Tells the readers' site which content this session changed."""

from runner.session import webhook
from runner.session.content_snapshot import changed, snapshot
from runner.session.hooks.base import HookContext, NotDueError, Verdict


async def run(context: HookContext) -> Verdict:
    hook = context.settings.webhook
    if not hook.url:
        raise NotDueError("VERCEL_REVALIDATE_URL is not set")
    before = await context.run_sync(context.before.content)
    if before is None:
        raise NotDueError("nobody looked at the content before this session")
    after = await context.run_sync(lambda: snapshot(context.paths.home))
    tags = webhook.tags_of(changed(before, after))
    if tags:
        await webhook.post(hook.url, hook.secret, tags)
    await context.run_sync(lambda: context.before.tell(after))
    if not tags:
        raise NotDueError("no content changed")
    return Verdict.DONE
