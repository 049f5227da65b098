"""What tokens cost, for the backend that gets no bill with its answers. USD for a million tokens."""

import attrs

from runner.stream.records import Usage


@attrs.frozen
class Price:
    input: float
    output: float


_FAMILIES: tuple[tuple[str, Price], ...] = (
    ("claude-opus-4-1", Price(15, 75)),
    ("claude-opus-4-0", Price(15, 75)),
    ("claude-opus-4-2", Price(15, 75)),  # the dated names of the first one, claude-opus-4-2025...
    ("opus", Price(5, 25)),
    ("sonnet", Price(3, 15)),
    ("haiku", Price(1, 5)),
)
_UNKNOWN = Price(15, 75)
"""For a model nobody listed here: rather too much, so that a budget ends early and not late."""


def cost_usd(model: str, usage: Usage) -> float:
    price = next((price for family, price in _FAMILIES if family in model), _UNKNOWN)
    inputs = usage.input_tokens + 0.1 * usage.cache_read_tokens + 1.25 * usage.cache_creation_tokens
    return (inputs * price.input + usage.output_tokens * price.output) / 1_000_000
