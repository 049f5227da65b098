"""What only tests hand in: larger restart budgets and a hook that raises inside actors' handlers."""

from collections.abc import Callable

import attrs

from runner.kernel import Backoff, Intensity


@attrs.frozen
class FaultInjection:
    """Nothing in it is a setting: the shipped program always runs with the default."""

    fault: Callable[[str, object], None] | None = None
    """Called with an actor's name and each message it has just taken in hand; what it raises, the handler raises."""
    child_intensity: Intensity | None = None
    child_backoff: Backoff | None = None
    root_intensity: Intensity | None = None
