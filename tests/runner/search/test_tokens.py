"""Texts as words: what the index is given is what SQLite makes of it, and where it stands."""

# ruff: noqa: RUF001 - letters that look like others are what is tried

import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.search.text import line
from runner.search.tokens import STEMMED, FoldedLetters, Tokeniser

SCRIPTS = "aZ3é-' \u0301ßøй東京のカﾞｶ々ー한국งุเำাहि्न\u0e50שָׁاَـ🌊👍🏽👨\u200d👩\u200dx\ufe0f🇯🇵🇫€→\u200b\u00ad\u0f0bབོ½²™㎏ﬁ①"

texts = (st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from(SCRIPTS))).map(line)


@pytest.fixture(scope="module")
def letters() -> FoldedLetters:
    """What is learnt of letters is the same for all."""
    return FoldedLetters()


@pytest.fixture(scope="module")
def fts() -> Iterator[sqlite3.Connection]:
    """An index with the tokeniser of ours, without its stems."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        tokenise = STEMMED.removeprefix("porter ")
        connection.execute(f"CREATE VIRTUAL TABLE plain USING fts5(text, content='', tokenize='{tokenise}')")
        connection.execute("CREATE VIRTUAL TABLE words USING fts5vocab(plain, instance)")
        yield connection


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't STOP: 3.14 Éclairs/now?", "don t stop 3 14 eclairs now"),
        ("don’t hawaiʻi co\u2010operate soft\u00adhyphen", "don t hawai i co operate softhyphen"),
        ("私は東京に。", "私は は東 東京 京に に"),
        ("東京2026年", "東京 京 2026 年"),
        ("iPhoneを", "iphone を"),
        ("대한민국 만세", "대한 한민 민국 국 만세 세"),
        ("กรุง", "กรุ รุง ง"),
        ("ภาษา\u200bไทย", "ภา าษ ษา าไ ไท ทย ย"),
        ("བོད་སྐད་", "བོད དསྐ སྐད ད"),
        ("ｶﾞｷﾞ ｔｉｄｅ ２３", "ガギ ギ tide 23"),
        ("tide🌊🌊low", "tide 🌊 🌊 low"),
        ("👨‍👩‍👧👍🏽 ❤️ 🇯🇵🇫🇷", "👨‍👩‍👧 👍🏽 ❤ 🇯🇵 🇫🇷"),
        ("€5 → 7°", "€ 5 → 7 °"),
        ("░▒▓ ┌─┐ ⠿", ""),
        ("ёлка мой їжак", "елка мои іжак"),
        ("Straße STRASSE ẞ", "strasse strasse ss"),
        ("Ærø Łódź Đường þing œuvre", "aero lodz duong thing oeuvre"),
        ("İstanbul ısı", "istanbul isi"),
        ("ΟΔΥΣΣΕΎΣ λόγος ᾳ", "οδυσσευσ λογοσ α"),
        ("مُحَمَّدٌ الســـلام أحمد ٱلله ٣", "محمد السلام احمد الله 3"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी में", "हिन्दी में"),
        ("ﬁne x² ½ ™ ＋", "fine x2 ½ ™"),
        ("ヿ น้ำ", "ヿ น้ำ"),
        ("1️⃣ one", "1 one"),
    ],
)
def test_words_of_every_script(letters: FoldedLetters, text: str, tokens: str) -> None:
    """Words between gaps, units in pairs, symbols alone; without case, accents and points."""
    assert letters.form(line(text)).split() == line(tokens).split()


@given(texts)
def test_sqlite_sees_the_same_tokens(letters: FoldedLetters, fts: sqlite3.Connection, text: str) -> None:
    """What is written between blanks is neither cut nor folded once more."""
    form = letters.form(text)
    fts.execute("BEGIN")
    fts.execute("INSERT INTO plain (rowid, text) VALUES (1, ?)", (form,))
    seen = [term for (term,) in fts.execute("SELECT term FROM words ORDER BY offset")]
    fts.execute("ROLLBACK")
    assert seen == form.split()


@given(texts)
@example("a\u200b東\u200bb")
@example("👨\u200da")
@example("🇯🇵🇫")
def test_each_token_has_its_place(letters: FoldedLetters, text: str) -> None:
    """As many places as tokens, in order and apart; what stands there begins the token, and cuts no accent off."""
    atoms = letters.atoms(text)
    places = atoms.places(0, len(text))
    assert len(places) == len(atoms.tokens) == len(atoms.shapes())
    assert all(before[1] <= after[0] for before, after in pairwise(places))
    for token, (begin, end) in zip(atoms.tokens, places, strict=True):
        (alone,) = letters.form(text[begin:end]).split()
        assert token.startswith(alone)
        assert text[end : end + 1] not in {"\u0301", "\u0e38", "\ufe0f", "\U0001f3fd", "\uff9e"}


@given(texts)
def test_the_vocabulary_has_words_and_units(letters: FoldedLetters, text: str) -> None:
    """Each once; of units what stands at one place, not what their tokens go on with."""
    atoms = letters.atoms(text)
    alone = {letters.form(text[begin:end]).strip() for begin, end in atoms.places(0, len(text))}
    assert letters.vocabulary(letters.form(text)) == alone


@given(texts)
def test_composed_or_not_is_the_same(letters: FoldedLetters, text: str) -> None:
    """Whether accents are letters of their own makes no difference."""
    assert letters.form(line(unicodedata.normalize("NFD", text))) == letters.form(text)


def test_each_word_has_its_stem() -> None:
    """Stems come in the order of their words; what is not ASCII has none."""
    tokens = Tokeniser()
    assert tokens.stems(["running", "universities", "tide", "東京", "елками"]) == [
        *("run", "univers", "tide", "東京", "елками")
    ]
    tokens.close()
