"""Budgets: what the settings allow, and how far it is used up. Pure."""

from collections.abc import Iterator

import attrs

from runner.ledger.rows import SpendLimits, Totals
from runner.settings.tree import BudgetSettings

__all__ = ["LEVELS", "Level", "levels", "limits_of", "worst"]

LEVELS = (50, 80, 100)
"""Percentages that are told, each once in its day or month."""


@attrs.frozen
class Level:
    """How far one limit is used up."""

    period: str
    unit: str
    used: float
    limit: float

    @property
    def percent(self) -> int:
        return int(self.used * 100 / self.limit)

    @property
    def text(self) -> str:
        return f"{self.percent} % of the {self.period}'s budget ({self.used:g} of {self.limit:g} {self.unit})"


def limits_of(budget: BudgetSettings) -> SpendLimits:
    """The limits of day and month."""
    return SpendLimits(
        day_usd=budget.day_usd,
        month_usd=budget.month_usd,
        day_tokens=budget.day_tokens,
        month_tokens=budget.month_tokens,
    )


def levels(totals: Totals, limits: SpendLimits) -> Iterator[Level]:
    """Every limit that is set, with what is used of it."""
    for period, unit, used, limit in (
        ("day", "USD", totals.day_usd, limits.day_usd),
        ("month", "USD", totals.month_usd, limits.month_usd),
        ("day", "tokens", totals.day_tokens, limits.day_tokens),
        ("month", "tokens", totals.month_tokens, limits.month_tokens),
    ):
        if limit:
            yield Level(period, unit, used, limit)


def worst(totals: Totals, limits: SpendLimits) -> Level | None:
    """The limit that is used up furthest, from the first level that is told on."""
    found = max(levels(totals, limits), key=lambda level: level.used / level.limit, default=None)
    return found if found is not None and found.percent >= LEVELS[0] else None
