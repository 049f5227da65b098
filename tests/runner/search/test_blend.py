import pytest

from runner.search import SearchQuery, blend, deep
from runner.search.blend import DEEPEST
from runner.search.query import Hit


def hit(slug: str, snippet: str = "") -> Hit:
    return Hit(
        slug=slug, title=slug, result_type="thought", date="2026-02-01", snippet=snippet, score=-9.0, mood=None,
        dream_type=None,
    )  # fmt: skip


def wanted(limit: int = 20, offset: int = 0) -> SearchQuery:
    return SearchQuery(text="tide", kinds=("thoughts",), limit=limit, offset=offset)


def test_reciprocal_ranks_are_summed() -> None:
    """Second in both lists beats first in one; scores ascend and are those of the formula."""
    found = blend(wanted(), [hit("a"), hit("b")], [hit("c"), hit("b")])
    assert [(one.slug, one.score) for one in found.hits] == [
        ("b", round(-2 / 62, 4)),
        ("a", round(-1 / 61, 4)),
        ("c", round(-1 / 61, 4)),
    ]


def test_the_first_lists_marks_are_kept() -> None:
    """What was found by its words shows them, wherever else it was found."""
    found = blend(wanted(), [hit("a", "<mark>tide</mark>")], [hit("a", "tide")])
    assert [one.snippet for one in found.hits] == ["<mark>tide</mark>"]


def test_pages_follow_each_other() -> None:
    """Page after page gives each entry once, and none beyond the last."""
    many = [hit(f"{number:02}") for number in range(7)]
    pages = [[one.slug for one in blend(wanted(3, offset), many).hits] for offset in (0, 3, 6, 9)]
    assert [slug for page in pages for slug in page] == [one.slug for one in many]
    assert pages[-1] == []


@pytest.mark.parametrize(("limit", "offset", "depth"), [(20, 0, 20), (20, 40, 60), (50, 2**31, DEEPEST)])
def test_no_list_is_asked_deeper_than_it_has_to(limit: int, offset: int, depth: int) -> None:
    """As deep as the page ends, and never deeper than the bound."""
    assert (deep(wanted(limit, offset)).limit, deep(wanted(limit, offset)).offset) == (depth, 0)
