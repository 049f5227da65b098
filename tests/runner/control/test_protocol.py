"""Shapes of the control socket's messages."""

from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

import pytest

from runner.control.protocol import (
    Caller,
    CommandError,
    EventsParams,
    RestartParams,
    WakeParams,
    encode,
    plain,
    read_params,
)


class Colour(Enum):
    """Any enumeration."""

    RED = "red"


def test_values_become_json_a_reader_expects() -> None:
    """Times, paths, enumerations, sets, tuples, bytes and attrs values all have one plain form."""
    value = {
        "at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "path": Path("a/b"),
        "kind": Colour.RED,
        "names": {"b", "a"},
        "pair": (1, 2),
        "raw": b"x",
        "caller": Caller(1, 2),
    }
    assert plain(value) == {
        "at": "2026-03-01T12:00:00+00:00",
        "path": "a/b",
        "kind": "red",
        "names": ["a", "b"],
        "pair": [1, 2],
        "raw": "x",
        "caller": {"pid": 1, "uid": 2, "name": "control socket"},
    }


def test_a_value_without_a_form_is_named() -> None:
    """An object nobody gave a JSON form is refused by its class."""
    with pytest.raises(TypeError, match="object has no form"):
        encode(object())


def test_a_name_that_is_no_utf_8_can_be_sent() -> None:
    """Half a character, as in a file's name of other bytes, is escaped; everything else goes as it is."""
    assert encode({"file": "\udcff.md"}) == '{"file":"\\udcff.md"}'
    assert plain({"file": "\udcff.md"}) == {"file": "\udcff.md"}
    assert encode("東京 \U0001f30a") == '"東京 \U0001f30a"'


def test_parameters_are_read_strictly() -> None:
    """Right parameters become the object, whole numbers may stand for floats, and nothing else is converted."""
    assert read_params(RestartParams, {"name": "web"}, command="restart") == RestartParams("web", drain=False)
    assert read_params(WakeParams, {"type": "noon", "wait": 3, "sender": None}, command="wake").wait == 3.0
    for wrong in (
        {"type": "noon", "wait": "3"},
        {"type": "noon", "max_turns": 1.5},
        {"type": "noon", "max_turns": True},
    ):
        with pytest.raises(CommandError, match="wake"):
            read_params(WakeParams, wrong, command="wake")
    with pytest.raises(CommandError, match="allowed: recent"):
        read_params(EventsParams, {"last": 1}, command="events")


def test_a_caller_is_shown_with_what_is_known() -> None:
    """A caller from a socket shows its ids; one from elsewhere its name."""
    assert str(Caller(7, 0)) == "control socket (pid 7, uid 0)"
    assert str(Caller(name="console")) == "console"
