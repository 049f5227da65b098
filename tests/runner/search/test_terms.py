"""Terms: which words fit, and by how they begin they are found."""

from hypothesis import given
from hypothesis import strategies as st

from runner.search.terms import Term
from runner.search.tokens import Tokeniser

ENDINGS = (
    *("s", "es", "ies", "sses", "eed", "ed", "ing", "y", "e", "ll", "at", "bl", "iz", "ational", "tional", "enci"),
    *("anci", "izer", "bli", "alli", "entli", "eli", "ousli", "ization", "ator", "alism", "iveness", "fulness"),
    *("ousness", "aliti", "iviti", "biliti", "logi", "icate", "ative", "alize", "iciti", "ical", "ful", "ness"),
    *("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "sion", "ism", "ize"),
)

words = st.builds(
    lambda root, endings: root + "".join(endings),
    st.text("abcdeghilmnorstuyz", min_size=1, max_size=5),
    st.lists(st.sampled_from(ENDINGS), max_size=3),
)


@given(st.lists(words, min_size=1, max_size=200))
def test_a_word_begins_with_a_root_of_its_stem(found: list[str]) -> None:
    """Whatever is asked for, no word with the same stem is passed over for how it begins."""
    tokens = Tokeniser()
    for word, stem in zip(found, tokens.stems(found), strict=True):
        ((root,),) = Term({stem: word}).roots()
        assert word.startswith(root)
    tokens.close()


def test_roots_do_not_begin_with_each_other() -> None:
    """Each word is looked at once, whichever of the stems it has."""
    term = Term({"univers": "university", "unit": "unit", "tide": "tide"}, beginning="uni")
    assert term.roots() == [["tid", "uni"]]


def test_words_fit_by_stem_or_by_beginning() -> None:
    """The stem goes first; a beginning alone fits the last word only."""
    tokens = Tokeniser()
    last = Term({"tide": "tide", "tidal": "tidal"}, beginning="tid")
    rows = [("tides",), ("tidy",), ("tidal",), ("ebb",)]
    assert last.fits(rows, tokens) == {("tides",): "tide", ("tidy",): "", ("tidal",): "tidal"}
    assert Term({"tide": "tide"}).fits(rows[:2], tokens) == {("tides",): "tide"}
