"""What is found, in which order, and how it is shown."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runner.search.conftest import Library, make_library


@pytest.mark.parametrize("text", ["univers", "universi", "university", "UNIVÉRSITIES", "universities"])
def test_the_last_word_is_a_beginning(library: Library, text: str) -> None:
    """Each beginning of a word finds it, also past its stem, and so do its other forms."""
    library.write("a", "the universities of the coast")
    library.sync()
    assert library.slugs(text) == ["a"]


def test_earlier_words_are_whole(library: Library) -> None:
    """All but the last word have to match as words; every word has to match somewhere, in title or text."""
    library.write("a", "the low water", title="Tide table")
    library.sync()
    assert library.slugs("tide lo") == ["a"]
    assert library.slugs("lo tide") == []
    assert library.slugs("tides low") == ["a"]


@pytest.mark.parametrize(
    "text",
    ["don't", "what?", "3.14", "stop.", "rock AND", "this/that", "a+b", 'say "hello"', "c&d", "col:umn", "NEAR("],
)
def test_marks_in_a_question_are_no_syntax(library: Library, text: str) -> None:
    """A question is cut into words like the text was; quotes, dots and reserved words are harmless."""
    library.write("a", 'I don\'t know what? 3.14 stop. rock and this/that a+b say "hello" c&d col:umn near(')
    library.sync()
    assert library.slugs(text) == ["a"]


@pytest.mark.parametrize("text", [" ", "---", "\x00", "'", "😀"])
def test_no_word_finds_nothing(library: Library, text: str) -> None:
    """A question without a single word has no hits."""
    library.write("a", "words")
    library.sync()
    assert library.search(text).total == 0


def test_a_title_counts_more_and_scores_are_negative(library: Library) -> None:
    """A hit in the title comes before one in the text; the lower score is the better, and none is -0.0."""
    library.write("text", "a lantern on the quay")
    library.write("title", "on the quay", title="The lantern")
    for number in range(5):
        library.write(f"other-{number}", "nothing of that kind")
    library.sync()
    found = library.search("lantern")
    assert [hit.slug for hit in found.hits] == ["title", "text"]
    assert found.hits[0].score < found.hits[1].score < 0
    library_wide = library.search("nothing")
    assert all(str(hit.score) != "-0.0" for hit in library_wide.hits)


def test_equals_are_ordered_by_day_and_name(library: Library) -> None:
    """What scores the same comes newest first, then by name, and pages never overlap."""
    for slug, date in (("b", "2026-03-02"), ("a", "2026-03-02"), ("c", "2026-03-05"), ("d", "2026-03-01")):
        library.write(slug, "same words", date=date)
    library.sync()
    assert library.slugs("same") == ["c", "a", "b", "d"]
    pages = [library.search("same", limit=1, offset=number) for number in range(5)]
    assert [[hit.slug for hit in page.hits] for page in pages] == [["c"], ["a"], ["b"], ["d"], []]
    assert {page.total for page in pages} == {4}


def test_a_heap_of_equals_has_one_order(library: Library) -> None:
    """Also where more entries score the same than are looked at beyond a page, the order is by name."""
    for number in range(150):
        library.write(f"t{number:03}", "same words")
    library.sync()
    assert library.slugs("same") == [f"t{number:03}" for number in range(50)]
    assert [hit.slug for hit in library.search("same", limit=3, offset=70).hits] == ["t070", "t071", "t072"]


def test_only_our_markers_are_tags(library: Library) -> None:
    """Whatever a text holds comes back escaped; the words that matched stand in plain marks."""
    library.write("a", 'low <mark onclick="x()">tide</mark> & <script>y</script>', title="<b>tide</b>")
    library.sync()
    hit = library.search("tide").hits[0]
    assert hit.title == "&lt;b&gt;<mark>tide</mark>&lt;/b&gt;"
    assert "<mark>tide</mark>" in hit.snippet
    assert "&lt;script&gt;" in hit.snippet
    assert "<script" not in hit.snippet
    assert "<mark " not in hit.snippet


def test_kinds_are_kept_apart(library: Library) -> None:
    """Only the kinds asked for are searched, and each hit says what it is."""
    for kind in ("thoughts", "dreams", "essays"):
        library.write("x", "harbour", kind=kind)
    library.sync()
    assert {hit.result_type for hit in library.search("harbour").hits} == {"thought", "dream"}
    assert library.search("harbour").total == 2
    (essay,) = library.search("harbour", kinds=("essays",)).hits
    assert (essay.result_type, essay.mood, essay.dream_type) == ("essay", None, None)
    (dream,) = library.search("harbour", kinds=("dreams",)).hits
    assert (dream.mood, dream.dream_type) == (None, "poetry")
    assert library.search("harbour", kinds=("scores",)).total == 0


def test_a_wide_beginning_has_a_bound(library: Library) -> None:
    """A beginning of many words stands for the most frequent ones; the word itself is always among them."""
    for number in range(40):
        library.write(f"t{number:02}", " ".join(f"ab{chr(97 + number // 26)}{chr(97 + number % 26)}x" for _ in "12"))
    library.write("exact", "ab")
    library.sync()
    found = library.slugs("ab")
    assert "exact" in found
    assert 20 <= len(found) <= 26


def test_a_question_of_many_words_is_answered(library: Library) -> None:
    """Two hundred characters of short words are no trouble: all of them have to match."""
    letters = [chr(97 + number % 26) + chr(97 + number // 26) for number in range(66)]
    library.write("a", " ".join(letters))
    library.write("b", " ".join(letters[1:]))
    library.sync()
    assert library.slugs(" ".join(letters)) == ["a"]


UNITS = ("東", "京", "の", "ガ", "ー", "국", "민", "ร", "รุ", "รุ่", "ก", "က", "ကို", "ཀ", "。", " tide ")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(UNITS), min_size=1, max_size=24), st.data())
def test_what_stands_in_a_run_is_found_where_it_stands(units: list[str], data: st.DataObject) -> None:
    """Each piece of a run without blanks is found and marked at all its places; what stands nowhere is not found."""
    begin = data.draw(st.integers(0, len(units) - 1))
    piece = units[begin : data.draw(st.integers(begin + 1, len(units)))]
    asked = data.draw(st.sampled_from([piece, piece[::-1]]))
    asked = [unit for unit in asked if unit in UNITS[:-2]]
    covered = {
        place
        for first in range(len(units) - len(asked) + 1)
        if units[first : first + len(asked)][:-1] == asked[:-1] and asked
        if units[first + len(asked) - 1].startswith(asked[-1])
        for place in range(first, first + len(asked))
    }
    shown = "".join(f"<mark>{unit}</mark>" if place in covered else unit for place, unit in enumerate(units))
    with TemporaryDirectory() as folder:
        library = make_library(Path(folder))
        library.write("a", "".join(units))
        library.sync()
        found = library.search("".join(asked))
        library.index.close()
    assert [" ".join(hit.snippet.split()) for hit in found.hits] == (
        [" ".join(shown.replace("</mark><mark>", "").split())] if covered else []
    )
