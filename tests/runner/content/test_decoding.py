import os
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.content.decoding import NoTextError, anyhow, decoded

GREETING = "---\ntitle: Grüße \u2013 „Öl“\n---\nGrüße aus Łódź\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_says_its_encoding_is_no_guess(encoding: str) -> None:
    """UTF-8, and whatever begins with a byte order mark, in lines that end as they like."""
    assert decoded(GREETING.replace("\n", "\r\n").encode(encoding)).text == GREETING
    assert decoded(GREETING.encode(encoding)).guessed == ""


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp1252", "Windows-1252"), ("utf-16-le", "read as UTF-16 "), ("utf-16-be", "read as UTF-16 ")],
)
def test_what_does_not_say_it_is_guessed_and_told(encoding: str, name: str) -> None:
    """Single bytes above ASCII are Windows letters; zeros between the letters are UTF-16."""
    text = GREETING.replace("Łódź", "Lodz")
    found = decoded(text.encode(encoding))
    assert found.text == text
    assert name in found.guessed


def test_a_stray_byte_costs_one_letter() -> None:
    """What is UTF-8 in it stays; only what is not is read otherwise."""
    found = decoded("Grüße, Łódź".encode() + b" caf\xe9 \x81")
    assert found.text == "Grüße, Łódź café \x81"
    assert found.guessed


def test_old_line_ends_are_line_ends() -> None:
    """A file of carriage returns alone has lines; within lines that end otherwise they are letters."""
    assert decoded(b"a\rb\r").text == "a\nb\n"
    assert decoded(b"a\rb\r\n").text == "a\rb\n"


def test_stray_control_characters_are_text() -> None:
    """A zero byte in a page of words makes it no less a page."""
    assert decoded(b"title: a\0b and more words\n").text == "title: a\0b and more words\n"


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 4096,
        b"\x89PNG\r\n\x1a\n" + b"text" * 100,
        b"%PDF-1.7\n" + b"text" * 100,
        random.Random(1).randbytes(4096),
        zlib.compress(os.fsencode("".join(map(str, range(4000))))),
    ],
    ids=["zeros", "picture", "document", "noise", "packed"],
)
def test_what_is_no_text_is_none(data: bytes) -> None:
    """Files filled with zeros, pictures and noise are refused, and shown to those that leave nothing out."""
    with pytest.raises(NoTextError, match="no text"):
        decoded(data)
    anyhow(data).encode()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_text_or_none(data: bytes) -> None:
    """Nothing but the one error, and never half a letter."""
    try:
        found = decoded(data).text
    except NoTextError:
        found = anyhow(data)
    found.encode()
