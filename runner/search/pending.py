"""Entries that the index has not yet as they are: answers leave out what it says of them, and look at them instead."""

import json
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

import attrs

from runner.content import Catalogue, Entry
from runner.search.by_hand import Beginnings, Folded
from runner.search.text import as_read, nearly_read
from runner.search.tokens import FoldedLetters
from runner.search.writer import Key

MOST = 5_000
"""With more of them the index answers alone: it is being built, and the first question about a whole home would take
seconds. Of so many entries of 600 words a rare word takes it a quarter of a second, a common one half a second.
"""


@attrs.define(eq=False)
class Draft:
    """One entry as it is now. What is made of its text is made when a question needs it, and kept."""

    entry: Entry
    result_type: str
    _folded: Folded | None = attrs.field(default=None, init=False)
    _certain: bool = attrs.field(default=False, init=False)

    def may_have(self, beginnings: Beginnings, letters: FoldedLetters) -> bool:
        """Most questions are about few of the entries."""
        return self._quickly(letters).may_have(beginnings)

    def folded(self, letters: FoldedLetters) -> Folded:
        """Its words exactly."""
        folded = self._quickly(letters)
        if not self._certain:
            self._folded = folded = Folded.of(*as_read(self.entry), letters)
            self._certain = True
        return folded

    def _quickly(self, letters: FoldedLetters) -> Folded:
        if self._folded is None:
            title, text, self._certain = nearly_read(self.entry)
            self._folded = Folded.of(title, text, letters)
        return self._folded


@attrs.define(eq=False)
class PendingEntries:
    """All of them at one moment; None for what is gone. Another moment has another of these."""

    drafts: Mapping[Key, Draft | None] = attrs.field(factory=dict, on_setattr=attrs.setters.frozen)
    _keys: str = attrs.field(default="", init=False)

    def keys(self) -> str:
        """Their keys as a query takes them; empty where there is none."""
        if not self._keys and self.drafts:
            self._keys = json.dumps(list(self.drafts))
        return self._keys

    def too_many(self) -> bool:
        return len(self.drafts) > MOST

    def of(self, kinds: Collection[str]) -> list[Draft]:
        """Those that are there."""
        return [draft for (kind, _), draft in self.drafts.items() if draft is not None and kind in kinds]

    def told(self, catalogue: Catalogue, keys: Iterable[Key]) -> "PendingEntries":
        """These wait too, each as this catalogue has it."""
        return PendingEntries(MappingProxyType({**self.drafts, **{key: _draft(catalogue, key) for key in keys}}))

    def told_late(self, catalogue: Catalogue, keys: Iterable[Key]) -> "PendingEntries":
        """The same, of a catalogue that may be older than what was told."""
        return self.told(catalogue, [key for key in keys if key not in self.drafts])

    def written(self, catalogue: Catalogue, keys: Iterable[Key]) -> "PendingEntries":
        """The index has these as this catalogue has them; what has changed since goes on waiting."""
        left = dict(self.drafts)
        for key in keys:
            if key in left and _tag(left[key]) == _tag(_draft(catalogue, key)):
                del left[key]
        return PendingEntries(MappingProxyType(left))


def _draft(catalogue: Catalogue, key: Key) -> Draft | None:
    kind, slug = key
    shelf = catalogue.shelf(kind)
    entry = shelf.entries.get(slug) if shelf is not None else None
    return Draft(entry, shelf.kind.singular) if shelf is not None and entry is not None else None


def _tag(draft: Draft | None) -> str | None:
    return None if draft is None else draft.entry.etag
