"""Words of a text, as drift and mirror count them."""

from collections.abc import Iterable

LEAST = 4
"""Letters that a word needs to be counted."""


class _Letters(dict[int, str]):
    """Every character that is no letter and no apostrophe becomes a space; learned as characters come."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kept = "'" if character in "'\u2019" else character if character.isalpha() else " "
        self[code] = kept
        return kept


# What every text is full of and what therefore says nothing about this one.
STOP_WORDS = frozenset(
    """
    about above across after again against almost alone along already also although always among another anyone
    anything around away back became because become becomes been before began begin behind being below beneath beside
    besides between beyond both came cannot can't come comes coming could couldn't didn't does doesn't doing done
    don't down during each either else enough even ever every everyone everything find finds first found from full
    further gave getting give given gives goes going gone hadn't half hasn't have haven't having here here's hers
    herself himself however i'll i've inside instead into isn't it'll it's itself just keep keeps kept kind knew know
    known knows large last later least less let's like likely long longer look looked looking looks made make makes
    making many maybe mean means might mine more most much must myself near nearly need needs neither never next none
    nothing often once only onto other others otherwise ours ourselves over part perhaps place quite rather really
    right said same saying says seem seemed seems seen shall she's should shouldn't since small some somehow someone
    something sometimes somewhere soon still such sure take taken takes taking tell than that that's their theirs them
    themselves then there there's therefore these they they'd they'll they're they've thing things think this those
    though through thus time times today together told tomorrow tonight took toward towards tried tries trying turn
    turned turns under until upon used using very want wanted wants was wasn't ways we'll we're we've well went were
    weren't what what's whatever when whenever where whether which while who's whole whom whose will with within
    without won't word words would wouldn't write writing written wrote year years yesterday you'd you'll you're
    you've your yours yourself
    """.split()  # noqa: SIM905 - a table of words reads better as text
)


def words_of(text: str) -> list[str]:
    """All words, lower case, apostrophes inside them kept. Splitting is several times faster than a pattern here."""
    plain = text.lower().translate(_Letters()).replace("''", " ")
    words = plain.split()
    return [word for found in words if (word := found.strip("'"))] if "'" in plain else words


def telling(words: Iterable[str], dropped: frozenset[str] = frozenset()) -> list[str]:
    """The words that may say something: long enough, and neither a stop word nor one of those dropped."""
    return [word for word in words if len(word) >= LEAST and word not in STOP_WORDS and word not in dropped]


def dropped_names(names: Iterable[str]) -> frozenset[str]:
    """Names as words: whoever lives here and whoever looks after it stand in every text."""
    return frozenset(form for name in names for word in words_of(name) for form in (word, f"{word}'s"))
