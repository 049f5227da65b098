from zoneinfo import ZoneInfo

from runner.analytics import SessionFigures
from runner.analytics.ran import sessions_of
from runner.ledger import Figure


def test_a_session_is_on_its_day_at_home() -> None:
    """Late evening at home is not yet the next day, and what began at no moment is left out."""
    figures = [Figure("a", "2026-01-17T03:30:00+00:00", 1.5, 4, 0.25, 20), Figure("b", "long ago", 1.0, 1, 0.0, 0)]
    assert list(sessions_of(figures, ZoneInfo("America/New_York"))) == [
        SessionFigures(date="2026-01-16", duration_ms=1500.0, turns=4, cost_usd=0.25, tokens=20)
    ]
