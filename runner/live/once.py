"""Remembers which publications were committed, so that a redelivered one is not shown twice."""

from collections import OrderedDict

import attrs

ORIGINS_KEPT = 64
HOLES_KEPT = 4096


@attrs.define(eq=False)
class _Origin:
    upto: int = -1
    """Everything up to here is committed."""
    above: set[int] = attrs.field(factory=set)

    def add(self, seq: int) -> bool:
        if seq <= self.upto or seq in self.above:
            return False
        self.above.add(seq)
        if len(self.above) > HOLES_KEPT:  # a number that never came (displaced from a full mailbox) is given up
            self.upto = min(self.above)
        while self.upto + 1 in self.above:
            self.upto += 1
            self.above.discard(self.upto)
        self.above.discard(self.upto)
        return True


@attrs.define(eq=False)
class Once:
    """Numbers seen, by origin; bounded in origins and in holes."""

    _origins: OrderedDict[str, _Origin] = attrs.field(factory=OrderedDict, init=False)

    def first_time(self, origin: str, seq: int) -> bool:
        known = self._origins.pop(origin, None) or _Origin()
        self._origins[origin] = known
        while len(self._origins) > ORIGINS_KEPT:
            self._origins.popitem(last=False)
        return known.add(seq)
