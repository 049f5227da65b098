"""Each character as the search sees it: which part of a word it is, and what it is taken for.

SQLite's tokenisers know words by the blanks between them, and fold what Unicode can take apart. Of the first many
scripts have none, and of the second much is missing (ß, ø, points of Arabic). So what a word is, is decided here, once,
for what is indexed, asked, looked through and marked; SQLite is given words with blanks between them, and folds no
more than ASCII. What it is decided by are the names and properties of Unicode's own table.
"""

import string
import unicodedata
from enum import StrEnum


class Shape(StrEnum):
    """One letter for each, so that the shapes of a text can be looked through like a text of the same length."""

    GAP = " "
    LETTER = "w"
    """Of a word that stands between gaps."""
    UNIT = "u"
    """Of a script that is written without blanks: such a one is found wherever it stands."""
    MARK = "x"
    """Goes with the unit or symbol before it, and is more than decoration."""
    SYMBOL = "e"
    FLAG = "r"
    """Half of a flag."""
    SILENT = "s"
    """Dropped, and no gap: accents, points, controls of direction."""
    JOINER = "j"
    """Makes one symbol of two, and is silent in words."""
    BREAK = "b"
    """A place where lines of such a script may break: silent between its units, a gap between words."""


_UNSPACED = frozenset(
    (
        *("BOPOMOFO", "CJK", "HENTAIGANA", "HIRAGANA", "IDEOGRAPHIC", "KATAKANA", "KATAKANA-HIRAGANA", "VERTICAL"),
        *("HANGUL", "AHOM", "BALINESE", "BATAK", "BUGINESE", "CHAM", "JAVANESE", "KHMER", "LAO", "MYANMAR", "NEW"),
        *("REJANG", "TAI", "THAI", "TIBETAN", "YI", "KHITAN", "NUSHU", "TANGUT", "CUNEIFORM", "EGYPTIAN", "LINEAR"),
    )
)
"""First words of the names of letters: their scripts have no blanks between words (NEW is New Tai Lue).

Korean has, but its words grow at both ends, and their parts are what is looked for.
"""

_DECORATION = frozenset(
    ["ARABIC", "COMBINING", "COPTIC", "CYRILLIC", "HEBREW", "MONGOLIAN", "SAMARITAN", "SYRIAC", "VARIATION"]
)
"""First words of the names of marks that people leave out: accents, points of vowels, what chooses a form."""

_SOUND_MARKS = ("COMBINING KATAKANA-HIRAGANA",)
"""Begin so too, and make another letter."""

_LAYERED = frozenset(["LATIN", "GREEK", "CYRILLIC"])
"""Scripts in which `X WITH STROKE` is read as an X with something to it; elsewhere it is a letter of its own."""

_TAKEN_FOR = {
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    "\N{LATIN SMALL LETTER AE}": "ae",
    "\N{LATIN SMALL LIGATURE OE}": "oe",
    "\N{LATIN SMALL LETTER ETH}": "d",
    "\N{LATIN SMALL LETTER THORN}": "th",
    # as Lucene's normalisers of Arabic and Persian have them
    "\N{ARABIC LETTER ALEF WASLA}": "\N{ARABIC LETTER ALEF}",
    "\N{ARABIC LETTER ALEF MAKSURA}": "\N{ARABIC LETTER YEH}",
    "\N{ARABIC LETTER FARSI YEH}": "\N{ARABIC LETTER YEH}",
    "\N{ARABIC LETTER KEHEH}": "\N{ARABIC LETTER KAF}",
    "\N{ARABIC LETTER TEH MARBUTA}": "\N{ARABIC LETTER HEH}",
}

_APOSTROPHES = frozenset("\u02b9\u02bb\u02bc\u02bd\u02c8\ua78b\ua78c")
"""Letters by their category, and written for `'`."""

_BREAKS = frozenset("\u200b\u0f0b\u0f0c")
"""The zero width space, and the dots between syllables of Tibetan."""

_DRAWING = (range(0x2500, 0x25A0), range(0x2800, 0x2900), range(0x1FB00, 0x1FC00))
"""Lines, blocks and dots: symbols by their category, and what pictures are drawn with."""

_ADDED_SYMBOLS, _ADDED_UNITS = range(0x1F000, 0x1FB00), range(0x20000, 0x3FFFE)
"""What Unicode adds here in later versions than this Python's is known already."""

_TAGS, _TONES, _HALVES = range(0xE0020, 0xE0080), range(0x1F3FB, 0x1F400), range(0x1F1E6, 0x1F200)

JOINER = "\u200d"

_PUNCTUATION = frozenset(string.punctuation)


class Shapes(dict[int, str]):
    """A table for `str.translate`, made as letters are met: as many shapes as the text has characters."""

    def __missing__(self, code: int) -> str:
        found = self[code] = shape_of(chr(code)).value
        return found


class Folds(dict[int, str]):
    """The same of what they are taken for; gaps are blanks, and what is silent is nothing."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        found = self[code] = fold_of(letter, shape_of(letter))
        return found


def shape_of(letter: str) -> Shape:
    """What one character is."""
    if letter.isascii():
        return Shape.LETTER if letter.isalnum() else Shape.GAP
    code, category = ord(letter), unicodedata.category(letter)
    plain = unicodedata.normalize("NFKC", letter)
    if letter in _BREAKS:
        return Shape.BREAK
    if letter == JOINER:
        return Shape.JOINER
    if code in _TAGS or code in _TONES:
        return Shape.MARK
    if code in _HALVES:
        return Shape.FLAG
    if category == "Cn":
        return Shape.SYMBOL if code in _ADDED_SYMBOLS else Shape.UNIT if code in _ADDED_UNITS else Shape.GAP
    if category == "Cf" or letter == "\N{ARABIC TATWEEL}":  # it draws a word out
        return Shape.SILENT
    if category[0] == "S" and (len(plain) > 1 or unicodedata.category(plain)[0] == "S"):
        drawn = category == "Sk" or plain in _PUNCTUATION or any(code in block for block in _DRAWING)
        return Shape.GAP if drawn else Shape.SYMBOL
    if (category[0] not in "LNMS" and category != "Co") or letter in _APOSTROPHES:
        return Shape.GAP
    return _shape_of_letter(plain[0] if unicodedata.category(plain[0])[0] in "LNM" else letter)


def _shape_of_letter(letter: str) -> Shape:
    category, name = unicodedata.category(letter), unicodedata.name(letter, "")
    script = name.split(" ", 1)[0]
    if category in {"Mn", "Me"} and script in _DECORATION and not name.startswith(_SOUND_MARKS):
        return Shape.SILENT
    if category[0] == "M":
        return Shape.MARK if script in _UNSPACED or name.startswith(_SOUND_MARKS) else Shape.LETTER
    return Shape.UNIT if script in _UNSPACED and category != "Nd" else Shape.LETTER


def fold_of(letter: str, shape: Shape) -> str:
    """What one character is taken for."""
    match shape:
        case Shape.GAP | Shape.BREAK:
            return " "
        case Shape.SILENT | Shape.JOINER:
            return ""
        case Shape.SYMBOL | Shape.FLAG:
            return letter
        case Shape.UNIT | Shape.MARK:
            plain = unicodedata.normalize("NFKC", letter)
            return plain if len(plain) == 1 else letter  # what is more than one in one stays so
        case _:
            return _folded(letter)


def _folded(letter: str) -> str:
    if letter.isascii():
        return letter.lower()
    parts = [part for part in unicodedata.normalize("NFKD", letter) if shape_of(part) is not Shape.SILENT]
    if not all(unicodedata.category(part)[0] in "LNM" for part in parts):
        return letter.casefold()  # a fraction, say, with its stroke between the figures: it stays whole
    return unicodedata.normalize("NFC", "".join(map(_plain, parts))) or letter.casefold()


def _plain(part: str) -> str:
    figure = unicodedata.decimal(part, None)
    return str(figure) if figure is not None else "".join(map(_without_layers, part.casefold()))


def _without_layers(letter: str) -> str:
    if letter in _TAKEN_FOR:
        return _TAKEN_FOR[letter]
    base, layered, _ = unicodedata.name(letter, "").partition(" WITH ")
    if layered and base.split(" ", 1)[0] in _LAYERED:
        try:
            return _folded(unicodedata.lookup(base))
        except KeyError:
            pass  # the table has no such letter alone
    return letter
