"""Text that acts on nothing."""

import json

import pytest

from runner.visible import visible, visible_json


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain\ttext\nof two lines", "plain\ttext\nof two lines"),
        ("\x00\x07\x1b[2J\r", "\\x00\\x07\\x1b[2J\\x0d"),
        ("\x7f\x85\x9b31m", "\\x7f\\x85\\x9b31m"),
        ("a\u2028b\u202ec\u2066", "a\\u2028b\\u202ec\\u2066"),
        ("naïve 東京 \u05e9\u05dc\u05d5\u05dd \U0001f30a", "naïve 東京 \u05e9\u05dc\u05d5\u05dd \U0001f30a"),
    ],
)
def test_what_acts_is_shown(text: str, seen: str) -> None:
    """Orders to a terminal become their escapes; what people write stays as it is."""
    assert visible(text) == seen


def test_json_means_what_it_meant() -> None:
    """Only inside texts can such characters stand; escaped there, the value is the same."""
    value = {"a\x9b": "\x7f\u202e\n東京"}
    text = visible_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == value
    assert not {"\x9b", "\x7f", "\u202e"} & set(text)
