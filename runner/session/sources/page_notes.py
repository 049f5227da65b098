"""Pages whose frontmatter doesn't say what it should: readers see a guess until the resident mends them."""

from runner.content import Remark, look_over, read_kinds
from runner.resources import config_dir
from runner.session import inert
from runner.session.sources.base import Ask, Source, one_line

INTRO = (
    "Pages that are not as they should be: until you mend them, readers see a guess, or nothing of what is left out."
)
MOST = 5
LINE_LIMIT = 300


def lines(remarks: tuple[Remark, ...]) -> list[str]:
    """The newest of them, and how many there are beside; nothing where all is well."""
    if not remarks:
        return []
    found = [INTRO]
    found += [f"- {one_line(inert.visible(remark.text), LINE_LIMIT)}" for remark in remarks[:MOST]]
    if len(remarks) > MOST:
        found.append(f"- and {len(remarks) - MOST} more")
    return found


async def gather(ask: Ask) -> str:
    settings = ask.settings

    def look() -> tuple[Remark, ...]:
        kinds = read_kinds(config_dir() / "content.toml")
        return look_over(settings.home, kinds, settings.resident.zone, settings.paths.catalogue_db)

    return "\n".join(lines(await ask.run_sync(look)))


SOURCE = Source("page_notes", gather)
