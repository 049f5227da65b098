"""What may leave the process about a session, ready for the broadcaster."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs


@attrs.frozen
class PublicEvent:
    """One event of the public session stream. `data` is exactly what viewers get."""

    session_id: str
    name: str
    data: Mapping[str, Any]


Publish: TypeAlias = Callable[[PublicEvent], None]
"""Hands an event on at once and never waits."""
