"""What becomes of the messages that an incarnation had in hand when it ended."""

import attrs


@attrs.frozen(kw_only=True)
class Settlement:
    """How the messages found in hand are to be judged at the end of an incarnation."""

    finished: bool = False
    """The actor came to its normal end: what it held is done."""
    orderly: bool = False
    """It ended itself because it was asked to, without having been cut off by us. Whether it had finished what it held
    only it knows, so each class keeps its promise: what may be repeated is repeated, what may not counts as done."""
    counted: bool = False
    """A crash, hang or kill: it counts as an attempt."""
    lost: bool = False
    """Shutdown: nothing is kept."""
    cause: str
    error: str = ""


@attrs.frozen(kw_only=True)
class Held:
    """What an incarnation had in hand, for events."""

    message: str
    label: str
    attempt: int
