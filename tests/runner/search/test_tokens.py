"""Words as SQLite's tokenisers see them."""

from hypothesis import given
from hypothesis import strategies as st

from runner.search.text import line
from runner.search.tokens import SILENT, Tokeniser


def test_words_are_folded_and_in_order() -> None:
    """Case and accents go, marks separate, nothing is stemmed."""
    assert Tokeniser().words("Don't STOP: 3.14 Éclairs/now?") == ["don", "t", "stop", "3", "14", "eclairs", "now"]


def test_the_vocabulary_is_the_set_of_words() -> None:
    """The quick way over ASCII and SQLite's own agree, for other scripts too."""
    text = "The sea, the SEA; mère Äther море 海辺 don't under_score x²"
    tokens = Tokeniser()
    assert tokens.vocabulary(text) == set(tokens.words(text))


def test_each_word_has_its_stem() -> None:
    """Stems come in the order of their words."""
    assert Tokeniser().stems(["running", "universities", "tide"]) == ["run", "univers", "tide"]


@given(st.text(st.characters(exclude_categories=["Cs"])).map(line))
def test_the_folded_text_has_the_words_in_their_places(text: str) -> None:
    """Letter by letter it is what the tokeniser makes of the whole: the same words, and no place moves."""
    tokens = Tokeniser()
    folded = tokens.folded(text)
    assert len(folded) == len(text)
    assert folded.replace(SILENT, "").split() == tokens.words(text)
    tokens.close()
