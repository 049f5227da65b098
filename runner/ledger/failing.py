"""Hooks that have failed so often in a row that somebody has to look."""

from collections.abc import Iterable

import attrs

from runner.ledger.rows import SessionRow

__all__ = ["IN_A_ROW", "LOOKED_AT", "FailingHook", "failing_hooks"]

IN_A_ROW = 3
"""Sessions: one failure may be chance, two a bad day."""
LOOKED_AT = 20
"""The newest sessions: enough for a row of those that had the hook."""
_FAILED = frozenset({"failed", "timed_out"})
_SILENT = frozenset({None, "upstream_failed"})
"""Verdicts that say nothing about the hook itself: it has not come to its end, or another kept it from beginning."""


@attrs.frozen(kw_only=True)
class FailingHook:
    """A hook whose newest verdicts are failures, one and all."""

    name: str
    sessions: int
    """In a row."""
    reason: str
    """Of the newest failure."""

    @property
    def text(self) -> str:
        """For people, as the lists of what is wrong show it."""
        return f"{self.name} has failed after each of the last {self.sessions} sessions: {self.reason}"


def failing_hooks(newest_first: Iterable[SessionRow]) -> tuple[FailingHook, ...]:
    """The hooks that failed after at least three sessions in a row.

    A session that did not have the hook is passed over. `done` ends a row, and so does `not_due`: then the hook looked,
    and found nothing that was left to do.
    """
    failures: dict[str, list[str]] = {}
    ended: set[str] = set()
    for session in newest_first:
        for hook in session.hooks:
            if hook.verdict in _SILENT or hook.name in ended:
                continue
            if hook.verdict in _FAILED:
                failures.setdefault(hook.name, []).append(hook.error or f"{hook.verdict}, and no reason was given")
            else:
                ended.add(hook.name)
    return tuple(
        FailingHook(name=name, sessions=len(reasons), reason=reasons[0])
        for name, reasons in failures.items()
        if len(reasons) >= IN_A_ROW
    )
