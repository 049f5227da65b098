"""Words as SQLite's tokenisers see them."""

from runner.search.tokens import Tokeniser


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
