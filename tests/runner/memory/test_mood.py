"""Mood: the formula and the record, to the byte."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.memory import mood
from runner.resources import config_dir

LEXICON = {"settled": (0.4, -0.3), "open": (0.4, 0.0), "rain": (-0.2, -0.4), "salt": (0.64, 0.0)}
BEGAN = datetime.fromisoformat("2026-02-13T18:00:00-05:00")
ENDED = datetime(2026, 2, 13, 23, 20, 5, tzinfo=UTC)


def made(source: mood.MoodSource, **changes: Any) -> dict[str, Any]:
    given_ = {"kind": "dusk", "previous": None, **changes}
    return mood.record(source, lexicon=LEXICON, began=BEGAN, ended=ENDED, **given_)


def test_the_shipped_lexicon_is_large_and_balanced() -> None:
    """At least two hundred words, every number in its range, both signs of both numbers well represented."""
    lexicon = mood.read_lexicon(config_dir() / "mood-lexicon.json")
    assert len(lexicon) >= 200
    assert all(-1 <= number <= 1 for pair in lexicon.values() for number in pair)
    assert all(word == word.lower().strip() for word in lexicon)
    for axis in (0, 1):
        low = sum(pair[axis] < 0 for pair in lexicon.values())
        assert 0.3 < low / len(lexicon) < 0.6


def test_the_record_has_the_bytes_of_the_format() -> None:
    """Keys in their order, numbers to two places, no spaces, UTC to the second."""
    previous = {
        "session_type": "afternoon",
        "timestamp": "2026-02-13T20:20:05+00:00",
        "blended": {"valence": 0.16, "arousal": -0.07},
    }
    source = mood.MoodSource(
        " ".join(["salt,", "\u201crain\u201d", *["word"] * 638]), ("settled", "open", "unheard of")
    )
    line = mood.line_of(made(source, previous=previous))
    assert line == (
        b'{"session":"2026-02-13-dusk","session_type":"dusk","timestamp":"2026-02-13T23:20:05+00:00",'
        b'"mood_words":["settled","open","unheard of"],"self_report":{"valence":0.4,"arousal":-0.15},'
        b'"derived":{"valence":0.22,"arousal":-0.2},"blended":{"valence":0.4,"arousal":-0.15},"weight":1.0,'
        b'"journal_length":640,"previous_residual":{"valence":0.11,"arousal":-0.05,"from":"afternoon"}}'
    )


def test_without_words_or_a_past_there_is_nothing_to_blend() -> None:
    """No known word is a neutral mood; no own words are null; no earlier record leaves no residue."""
    record = made(mood.MoodSource("plain words"))
    assert record["self_report"] is None
    assert record["derived"] == record["blended"] == {"valence": 0.0, "arousal": 0.0}
    assert record["previous_residual"] is None
    assert "-0.0" not in json.dumps(record)


def test_a_light_session_keeps_much_of_the_mood_before() -> None:
    """A short visit weighs 0.1: the decayed past makes up the rest."""
    before = (ENDED - timedelta(hours=3)).isoformat()
    previous = {"session_type": "noon", "timestamp": before, "blended": {"valence": 1.0, "arousal": -1.0}}
    record = made(mood.MoodSource("salt"), kind="visit", previous=previous)
    assert record["weight"] == 0.1
    assert record["previous_residual"] == {"valence": 0.7, "arousal": -0.7, "from": "noon"}
    assert record["blended"] == {"valence": 0.69, "arousal": -0.63}


@pytest.mark.parametrize(
    ("kind", "words", "most", "weight"),
    [
        ("noon", 500, 1.0, 1.0),
        ("noon", 199, 1.0, 0.8),
        ("noon", 500, 0.9, 0.9),
        ("self", 500, 1.0, 0.9),
        ("self", 3001, 1.0, 1.0),
        ("custom", 3001, 1.0, 0.9),
        ("telegram", 500, 1.0, 0.4),
        ("correspondence", 500, 1.0, 0.4),
        ("visit", 200, 1.0, 0.3),
        ("visit", 3000, 1.0, 0.3),
        ("anything else", 500, 1.0, 0.5),
    ],
)
def test_weights(kind: str, words: int, most: float, weight: float) -> None:
    """Each type has its weight; length moves it, within 0.1 and 1; the setting is a ceiling."""
    assert mood.weight_of(kind, words, most) == weight


@pytest.mark.parametrize(
    "previous",
    [
        {},
        {"timestamp": "yesterday", "blended": {"valence": 1, "arousal": 1}},
        {"timestamp": "2026-02-13", "blended": 3},
    ],
)
def test_a_record_that_cannot_be_read_is_none(previous: dict[str, Any]) -> None:
    """Somebody else's file or a damaged one changes nothing."""
    assert mood.residual_of(previous, ENDED) is None


def test_a_clock_set_back_does_not_strengthen_a_mood() -> None:
    """Hours below nothing count as none; an old self report stands in for a missing blend."""
    later = {"timestamp": (ENDED + timedelta(hours=9)).isoformat(), "self_report": {"valence": 0.5, "arousal": 0.25}}
    assert mood.residual_of(later, ENDED) == mood.Feeling(0.5, 0.25)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ('mood: "Quiet,  very Curious ,"', ("quiet", "very curious")),
        ("mood: [Quiet, 'salt and air']", ("quiet", "salt and air")),
        ("mood:\n  - one\n  - two\ntitle: x", ("one", "two")),
        ("tags: [a]\nmood: [b]\nmore: [c]", ("b",)),
        ("mood: {a: b}", ("a: b",)),
        ("mood:", ()),
        ("title: x", ()),
        ("mood: [a\nbroken", ("[a",)),
        ("mood: day 3: calm, held", ("day 3: calm", "held")),
    ],
)
def test_the_resident_may_write_its_mood_as_a_text_or_a_list(head: str, words: tuple[str, ...]) -> None:
    """Both ways are read, whatever else it is is taken as it is written; the text is what follows the frontmatter."""
    source = mood.source_of(f"---\n{head}\n---\nbody".encode())
    assert source.words == words
    assert source.body == "body"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_thought(content: bytes) -> None:
    """Whatever lies in the file, a record comes of it and every number is in its range."""
    record = made(mood.source_of(b"---\nmood: " + content))
    assert all(-1 <= number <= 1 for number in record["blended"].values())


def test_the_lexicon_is_a_file_of_pairs(tmp_path: Path) -> None:
    """Its structure is word to two numbers."""
    (tmp_path / "lexicon.json").write_text('{"calm": [0.4, -1]}')
    assert mood.read_lexicon(tmp_path / "lexicon.json") == {"calm": (0.4, -1.0)}
