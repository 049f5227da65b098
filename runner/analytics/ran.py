"""Sessions of the ledger as the analytics counts them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

from runner.analytics.sums import SessionFigures
from runner.ledger import Figure


def sessions_of(figures: Iterable[Figure], zone: tzinfo) -> Iterator[SessionFigures]:
    """Each on the day at home when it began; one whose beginning is no moment is left out."""
    for figure in figures:
        try:
            began = datetime.fromisoformat(figure.started_at)
        except ValueError:
            continue
        yield SessionFigures(
            date=began.astimezone(zone).date().isoformat(),
            duration_ms=figure.duration_seconds * 1000,
            turns=figure.turns,
            cost_usd=figure.cost_usd,
            tokens=figure.tokens,
        )
