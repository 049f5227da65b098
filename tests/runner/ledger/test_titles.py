import attrs

from runner.ledger import Ledger, Title

ONE = Title("h", "salt and hours", "m", "2026-02-03T19:00:00.120000Z", "thoughts/x.md")
TWO = attrs.evolve(ONE, title="other")


async def test_the_first_title_stays(ledger: Ledger) -> None:
    """A second title of the same text is answered with the first."""
    assert await ledger.titles.get("h") is None
    assert await ledger.titles.add(ONE) == (ONE, True)
    assert await ledger.titles.add(TWO) == (ONE, False)
    assert await ledger.titles.get("h") == ONE


async def test_a_registry_is_taken_over_once(ledger: Ledger) -> None:
    """What is there stays, what is new is taken, and a second time nothing happens."""
    await ledger.titles.add(ONE)
    assert await ledger.titles.import_once([TWO, attrs.evolve(TWO, hash="i")]) == 1
    assert await ledger.titles.get("h") == ONE
    assert await ledger.titles.import_once([attrs.evolve(TWO, hash="j")]) is None
    assert await ledger.titles.get("j") is None
