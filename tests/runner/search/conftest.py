"""A home whose entries are written, read and indexed by the test."""

from pathlib import Path

import attrs
import pytest

from runner import resources
from runner.content import Catalogue, read_kinds, scan
from runner.search import Found, SearchIndex, SearchQuery

KINDS = ("thoughts", "dreams")


@attrs.define
class Library:
    """Entries, their catalogue and their index."""

    home: Path
    index: SearchIndex
    catalogue: Catalogue

    def write(
        self, slug: str, body: str, *, title: str = "Plain", date: str = "2026-03-01", kind: str = "thoughts"
    ) -> None:
        folder = self.home / kind
        folder.mkdir(exist_ok=True)
        extra = "type: poetry\n" if kind == "dreams" else ""
        (folder / f"{slug}.md").write_text(f"---\ndate: {date}\ntitle: {title!r}\n{extra}mood: calm\n---\n\n{body}\n")

    def sync(self) -> int:
        """Bring the index up to the disk; how many entries it had to be told of."""
        self.catalogue, _ = scan(self.catalogue)
        behind = self.index.behind(self.catalogue)
        self.index.put(self.catalogue, behind)
        return len(behind)

    def tell(self) -> list[tuple[str, str]]:
        """Put what is on the disk in force and tell the index of it, which takes nothing in yet; what was told."""
        self.catalogue, changes = scan(self.catalogue)
        keys = [(change.kind, change.slug) for change in changes]
        self.index.tell(self.catalogue, keys)
        return keys

    def delete(self, slug: str, *, kind: str = "thoughts") -> None:
        (self.home / kind / f"{slug}.md").unlink()

    def search(self, text: str, *, kinds: tuple[str, ...] = KINDS, limit: int = 50, offset: int = 0) -> Found:
        return self.index.search(SearchQuery(text=text, kinds=kinds, limit=limit, offset=offset))

    def slugs(self, text: str) -> list[str]:
        return [hit.slug for hit in self.search(text).hits]


def make_library(home: Path) -> Library:
    kinds = read_kinds(resources.config_dir() / "content.toml")
    return Library(home, SearchIndex(home / "data" / "search.db"), Catalogue.empty(kinds, home))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A home with nothing in it."""
    return make_library(tmp_path)
