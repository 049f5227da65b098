"""The index as a whole: one writer, readers beside it, and answers that are kept until something is written.

It belongs to the wiring and outlives every actor. All methods but `tell` block and are called in threads: `behind`,
`put`, `tidy` and `mend` by the indexer alone, one at a time; `search` by anyone.

What the index has not taken in yet waits beside it, and answers are right all the same: a question takes what waits
first and the database's snapshot after it, and what waits is taken off after the commit that has it. So an entry is
missing at no time, and since what the index says of waiting entries is left out, none is counted twice.
"""

import itertools
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs

from runner.content import Catalogue
from runner.search import query, schema
from runner.search.pending import PendingEntries
from runner.search.query import NOTHING_WAITS, Found, SearchQuery
from runner.search.ranking import Orders
from runner.search.tokens import Tokeniser
from runner.search.writer import Key, Writer
from runner.storage import sqlite

T = TypeVar("T")

ANSWERS_KEPT = 512


@attrs.frozen(eq=False)
class _Reader:
    connection: sqlite3.Connection
    tokens: Tokeniser
    epoch: int
    orders: Orders

    def close(self) -> None:
        self.connection.close()
        self.tokens.close()


@attrs.define(eq=False)
class SearchIndex:
    """Full text of every entry. A damaged file is thrown away and written anew."""

    path: Path
    _writer: Writer | None = attrs.field(default=None, init=False)
    _generation: int = attrs.field(default=0, init=False)
    """Counts what was committed or told: answers of an older one are not given again."""
    _epoch: int = attrs.field(default=0, init=False)
    """Counts files: readers of an older one are closed."""
    _damaged: bool = attrs.field(default=False, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _waiting: PendingEntries = attrs.field(default=NOTHING_WAITS, init=False)
    _by_hand: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    """Who looks through what waits does so alone: several would make the same of it, each at half the speed."""
    _idle: list[_Reader] = attrs.field(factory=list, init=False)
    _answers: OrderedDict[tuple[int, SearchQuery], Found] = attrs.field(factory=OrderedDict, init=False)
    _orders: Orders = attrs.field(factory=Orders, init=False)
    _prepared: int = attrs.field(default=-1, init=False)
    """The generation for which frequent words were ranked."""
    _asked: int = attrs.field(default=0, init=False)
    """Counts questions that had to be looked up."""
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def behind(self, catalogue: Catalogue) -> list[Key]:
        """The entries that the index has not, has otherwise, or has still; newest first. From now on they wait."""
        stored = self._open().stored()
        keys: list[Key] = []
        for shelf in catalogue.shelves.values():
            keys += [
                (entry.kind, entry.slug)
                for entry in shelf.order
                if stored.pop((entry.kind, entry.slug), None) != entry.etag
            ]
        keys += stored
        if keys:
            with self._lock:
                self._wait(self._waiting.told_late(catalogue, keys))
        return keys

    def tell(self, catalogue: Catalogue, keys: Iterable[Key]) -> None:
        """These entries are otherwise in this catalogue, which is in force now: searches say so at once.

        It takes a moment alone, and has to be called in the step in which the catalogue is put in force.
        """
        with self._lock:
            self._wait(self._waiting.told(catalogue, keys))

    def put(self, catalogue: Catalogue, keys: Iterable[Key]) -> None:
        """Make the index say of these entries what the catalogue says, in one transaction."""
        keys, entries, gone = list(keys), [], []
        for kind, slug in keys:
            shelf = catalogue.shelf(kind)
            entry = shelf.entries.get(slug) if shelf is not None else None
            if shelf is None or entry is None:
                gone.append((kind, slug))
            else:
                entries.append((entry, shelf.kind.singular))
        self._open().write(entries, gone)
        with self._lock:
            self._wait(self._waiting.written(catalogue, keys))

    def tidy(self) -> bool:
        """Join its pieces where there are many of them; says whether there were."""
        return self._open().tidy()

    def damaged(self) -> bool:
        """Whether a reader or the writer has met damage since the index was last mended."""
        return self._damaged

    def mend(self) -> None:
        """Begin anew with an empty index; what has to be in it is then `behind`."""
        with self._lock:
            writer, self._writer = self._writer, None
            self._epoch += 1
            self._generation += 1
            self._damaged = False
            self._answers.clear()
            self._orders = Orders()  # commits are counted anew: the old file's readers keep what they know
        if writer is not None:
            writer.close()
        schema.CACHE.remove(self.path)

    def note_damage(self) -> None:
        self._damaged = True

    def search(self, wanted: SearchQuery) -> Found:
        """What is found now; nothing while there is no index yet."""
        with self._lock:
            generation, waiting = self._generation, self._waiting
            known = self._answers.get((generation, wanted))
            if known is not None:
                self._answers.move_to_end((generation, wanted))
                return known
            self._asked += 1
        if waiting.too_many():
            waiting = NOTHING_WAITS
        with self._by_hand if waiting.drafts else nullcontext():
            found = self._with_reader(
                lambda reader: query.run(reader.connection, reader.tokens, reader.orders, wanted, waiting)
            )
        if found is None:
            return Found()
        with self._lock:
            if generation == self._generation:
                self._answers[generation, wanted] = found
                while len(self._answers) > ANSWERS_KEPT:
                    self._answers.popitem(last=False)
        return found

    def prepare(self, kinds: Sequence[tuple[str, ...]]) -> Iterator[str]:
        """Rank the words that it takes long to rank, for each of these sets of kinds, one at each step.

        It ends when something is written: nothing of it would be of use any more.
        """
        generation = self._generation
        if generation == self._prepared:
            return
        words = self._with_reader(lambda reader: query.frequent(reader.connection)) or []
        for word, among in itertools.product(words, kinds):
            if self._generation != generation:
                return
            self._with_reader(partial(_prepare, word, among))
            yield word
        self._prepared = generation

    def asked(self) -> int:
        """How many questions there were that no kept answer fitted."""
        return self._asked

    def close(self) -> None:
        """After the last reader and the writer are done."""
        with self._lock:
            self._closed = True
            readers, self._idle = self._idle, []
            writer, self._writer = self._writer, None
        for reader in readers:
            reader.close()
        if writer is not None:
            writer.close()

    def _wait(self, waiting: PendingEntries) -> None:
        """Something was committed or told; under the lock."""
        self._waiting = waiting
        self._generation += 1
        self._answers.clear()
        self._orders.forget()

    def _open(self) -> Writer:
        if self._writer is None:
            if self._closed:
                raise sqlite3.ProgrammingError("the index is closed")
            self._writer = Writer.open(self.path)
            with self._lock:
                self._epoch += 1  # it may have been replaced by an empty one
                self._answers.clear()
                self._orders = Orders()
        return self._writer

    def _with_reader(self, work: Callable[[_Reader], T]) -> T | None:
        """None where there is no index yet, or where it can't be read now."""
        reader = self._reader()
        if reader is None:
            return None
        try:
            done = work(reader)
        except sqlite3.DatabaseError as error:
            reader.close()
            if not isinstance(error, sqlite3.OperationalError):
                self.note_damage()
            return None
        except BaseException:
            reader.close()
            raise
        self._give_back(reader)
        return done

    def _reader(self) -> _Reader | None:
        with self._lock:
            stale = [reader for reader in self._idle if reader.epoch != self._epoch]
            self._idle = [reader for reader in self._idle if reader.epoch == self._epoch]
            reader = self._idle.pop() if self._idle else None
            epoch, orders = self._epoch, self._orders
        _close(stale)
        if reader is not None:
            return reader
        try:
            return _Reader(sqlite.open_reader(self.path), Tokeniser(), epoch, orders)
        except sqlite3.Error:
            return None  # there is none yet

    def _give_back(self, reader: _Reader) -> None:
        with self._lock:
            if reader.epoch == self._epoch and not self._closed:
                self._idle.append(reader)
                return
        reader.close()


def _prepare(word: str, kinds: Sequence[str], reader: _Reader) -> None:
    query.prepare(reader.connection, reader.tokens, reader.orders, word, kinds)


def _close(readers: Sequence[_Reader]) -> None:
    for reader in readers:
        reader.close()
