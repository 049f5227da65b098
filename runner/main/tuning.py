"""What only tests hand in: larger restart budgets, a hook that raises inside actors' handlers, and who drives it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs

from runner.kernel import Backoff, Intensity

if TYPE_CHECKING:
    from runner.main.house import House


@attrs.frozen
class Tuning:
    """Nothing in it is a setting: the shipped program always runs with the default."""

    fault: Callable[[str, object], None] | None = None
    """Called with an actor's name and each message it has just taken in hand; what it raises, the handler raises."""
    child_intensity: Intensity | None = None
    child_backoff: Backoff | None = None
    root_intensity: Intensity | None = None
    companion: "Callable[[House], Awaitable[None]] | None" = None
    """A task beside the tree, begun when everything is ready."""
