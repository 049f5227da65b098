"""Gives every thought of this session a title, and a date: lists need both. The body stays as it is, byte by byte."""

import contextlib
import json
import re
import stat
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.content import frontmatter
from runner.session.hooks.base import HookContext, Verdict
from runner.storage import files

_FENCE = re.compile(rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n")
_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_DATED = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:-(.*))?$")
LIMIT = 1024 * 1024


def completed(content: bytes, stem: str, modified: datetime) -> bytes | None:
    """The content with what is missing in its frontmatter; None when nothing is."""
    page = frontmatter.parse(content)
    opening = _FENCE.match(content)
    if opening is not None and not page.keys and not content[opening.end() :].lstrip().startswith(b"---"):
        return None  # begins like frontmatter but is none that can be read: better left alone than doubled
    end = "\r\n" if opening is not None and opening[0].endswith(b"\r\n") else "\n"
    lines = []
    if not page.keys.get("date"):
        dated = _DATED.match(stem)
        lines.append(f'date: "{dated[1] if dated else modified.date().isoformat()}"')
    if not page.keys.get("title"):
        lines.append(f"title: {json.dumps(_title(page.body, stem), ensure_ascii=False)}")
    if not lines or any(line.partition(":")[0] in page.keys for line in lines):
        return None
    added = "".join(line + end for line in lines).encode("utf-8", "replace")
    if opening is None:
        return b"---\n" + added + b"---\n" + content
    return content[: opening.end()] + added + content[opening.end() :]


def _title(body: str, stem: str) -> str:
    heading = _HEADING.search(body)
    if heading:
        return heading[1].strip()[:200]
    dated = _DATED.match(stem)
    words = (dated[2] if dated and dated[2] else stem).replace("-", " ").split()
    return " ".join(word[:1].upper() + word[1:] for word in words) or stem


def complete_folder(folder: Path, *, since: datetime, zone: ZoneInfo) -> int:
    """Complete the thoughts written since then; returns how many were changed. Blocking."""
    changed = 0
    for path in sorted(folder.glob("*.md")):
        found = path.lstat()
        if path.name == "README.md" or not stat.S_ISREG(found.st_mode) or found.st_mtime < since.timestamp():
            continue
        with contextlib.suppress(FileNotFoundError, files.FileTooLarge):
            content = files.read_bytes(path, limit=LIMIT)
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
