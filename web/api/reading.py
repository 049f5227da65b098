"""One entry as it is on disk now; for routes and pages alike."""

import os
from pathlib import Path

from runner.content import ContentKind, Entry, NotAnEntryError, NotMeantError, PathRefusedError, Stamp, read_entry
from runner.content.paths import is_entry_name
from web.services import Services


async def find(services: Services, kind: ContentKind, slug: str) -> Entry | None:
    """The snapshot's entry where its file is unchanged, else read anew, off the loop; None where there is none."""
    if slug in ("", ".", "..") or "\0" in slug or "/" in slug:
        raise PathRefusedError(f"{slug[:80]!r} can't be the name of an entry")
    if not is_entry_name(f"{slug}.md"):
        return None
    catalogue = services.catalogue()
    known = catalogue.shelves[kind.name].entries.get(slug)
    path = catalogue.folder(kind) / f"{slug}.md"
    try:
        stamp = Stamp.of(os.stat(path, follow_symlinks=False))  # noqa: PTH116 - the one stat allowed on the loop
    except (OSError, ValueError):
        return None
    if known is not None and known.stamp == stamp:
        return known
    return await services.run_sync(lambda: _read(services, kind, path))


def _read(services: Services, kind: ContentKind, path: Path) -> Entry | None:
    try:
        return read_entry(kind, path, services.catalogue().zone)
    except NotMeantError:
        pass  # nobody misses it
    except NotAnEntryError as error:
        services.log.warning("content_left_out", kind=kind.name, name=path.name, reason=str(error))
    except OSError:
        pass
    return None
