"""Writes transcripts/session-<id>.md from the raw lines."""

from runner.session.hooks.base import HookContext, Verdict
from runner.storage import files
from runner.stream.transcript import transcript


async def run(context: HookContext) -> Verdict:
    path = context.paths.transcripts / f"session-{context.session_id}.md"

    def write() -> Verdict:
        try:
            with context.stream.open("rb") as lines:
                page = transcript(lines, date=context.began.isoformat())
        except FileNotFoundError:
            return Verdict.NOT_DUE
        files.make_folder(path.parent, mode=0o750)
        files.write_atomic(path, page, mode=0o640)
        return Verdict.DONE

    return await context.run_sync(write)
