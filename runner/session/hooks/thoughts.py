"""Gives every thought of this session a title, and a date: lists need both. The body stays as it is, byte by byte."""

import contextlib
import json
import re
import stat
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.content import days, decoding, frontmatter, opening, titles
from runner.session.hooks.base import HookContext, Verdict
from runner.storage import files

_FENCE = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:---|\+\+\+)[ \t]*\r?\n")
_BEGINS_LIKE_ONE = re.compile(rb"\s*(?:---|\+\+\+)")
_SAYS = {"---": ": ", "+++": " = "}


def completed(content: bytes, stem: str, modified: datetime) -> bytes | None:
    """The content with what is missing in its frontmatter; None when nothing is.

    What is odd is left as it is: it is read by a guess, and the resident is told of it.
    """
    try:
        found = decoding.decoded(content)
    except decoding.NoTextError:
        return None
    if found.guessed or b"\0" in content:
        return None  # in another encoding: lines of ours would be none of its
    page = frontmatter.parse_text(found.text)
    first = _FENCE.match(content)
    if not page.fence and (page.keys or _BEGINS_LIKE_ONE.match(content.removeprefix(b"\xef\xbb\xbf"))):
        return None  # begins like frontmatter but is none that is whole: better left alone than doubled
    end = "\r\n" if first is not None and first[0].endswith(b"\r\n") else "\n"
    says = _SAYS[page.fence or "---"]
    lines = []
    if not page.text("date"):
        lines.append(f'date{says}"{days.in_name(stem) or modified.date().isoformat()}"')
    if not page.text("title"):
        title = titles.heading(page.body) or titles.from_name(stem)
        lines.append(f"title{says}{json.dumps(title, ensure_ascii=False)}")
    if not lines or any(line.partition(says)[0] in page.keys for line in lines):
        return None
    added = "".join(line + end for line in lines).encode("utf-8", "replace")
    if first is None or not page.fence:
        return b"---\n" + added + b"---\n" + content
    return content[: first.end()] + added + content[first.end() :]


def complete_folder(folder: Path, *, since: datetime, zone: ZoneInfo) -> int:
    """Complete the thoughts written since then; returns how many were changed. Blocking."""
    changed = 0
    for path in sorted(folder.glob("*.md")):
        found = path.lstat()
        if path.name == "README.md" or not stat.S_ISREG(found.st_mode) or found.st_mtime < since.timestamp():
            continue
        with contextlib.suppress(FileNotFoundError, files.FileTooLarge):
            content = files.read_bytes(path, limit=opening.LARGEST)
            new = completed(content, path.stem, datetime.fromtimestamp(found.st_mtime, zone))
            if new is not None:
                files.write_atomic(path, new)
                changed += 1
    return changed


async def run(context: HookContext) -> Verdict:
    zone = context.ended.tzinfo
    if not isinstance(zone, ZoneInfo):
        raise TypeError(f"a hook's clock has to carry the home's zone, not {zone!r}")
    await context.run_sync(lambda: complete_folder(context.paths.thoughts, since=context.began, zone=zone))
    return Verdict.DONE
