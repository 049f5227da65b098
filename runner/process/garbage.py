"""When Python looks for cycles of dead objects.

A full look visits every container there is and holds the interpreter meanwhile: a tenth of a second in a process that
has its modules and a large home in memory, at a moment of its own choosing. Nearly all of that lives as long as the
process, so it is put out of the collector's sight once, when everything is ready. What comes later is looked at less
often than by default; memory without cycles is freed at once in any case.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["calm_collector"]

STARTING = (100_000, 50, 50)
"""While starting, next to nothing dies: no full look falls into it."""

SERVING = (10_000, 20, 20)
"""New containers until the youngest are looked at, and how many such looks until the next older ones are."""


@contextmanager
def calm_collector(
    *, starting: tuple[int, int, int] = STARTING, serving: tuple[int, int, int] = SERVING
) -> Iterator[Callable[[], None]]:
    """Thresholds for the start; to be called when that is over: what is there now is never looked at again."""
    before = gc.get_threshold()
    gc.set_threshold(*starting)

    def ready() -> None:
        gc.freeze()
        gc.set_threshold(*serving)

    try:
        yield ready
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
