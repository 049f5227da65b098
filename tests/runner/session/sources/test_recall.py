"""What a session may recall of earlier talk: the chat with its own counterpart, and two conversations."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.session.sources import chat_excerpts, conversation_excerpts
from runner.session.sources.base import Letters
from tests.runner.session.asking import NOON, ask_for, write


def line(speaker: str, text: str, **more: Any) -> dict[str, Any]:
    return {"timestamp": "2026-03-02T09:12:44+00:00", "from": speaker, "text": text, **more}


async def chat(home: Path, lines: list[dict[str, Any]], kind: str = "noon", sender: str = "") -> Letters:
    write(home / "telegram" / "chat-history.jsonl", "".join(json.dumps(one) + "\n" for one in lines))
    return await chat_excerpts.gather(ask_for(home, kind, sender=sender))


LINES = [
    line("dinesh", "how was the night shift?"),
    line("claudie", "quiet, with two boats"),
    line("mira", "a secret of mine"),
    line("claudie", "I will keep it"),
    line("claudie", "dinesh, the roof leaks"),
    line("claudie", "mira, one more thing", to="mira"),
]


async def test_the_owners_chat_is_recalled_by_ordinary_sessions(tmp_path: Path) -> None:
    """Both sides in order with local times; another person's lines and the answers to them are not there."""
    (letter,) = (await chat(tmp_path, LINES)).shown
    assert letter.text.splitlines() == [
        "[2026-03-02 04:12] dinesh: how was the night shift?",
        "[2026-03-02 04:12] claudie: quiet, with two boats",
        "[2026-03-02 04:12] claudie: dinesh, the roof leaks",
    ]
    assert not letter.stranger


async def test_each_sees_only_its_own_chat(tmp_path: Path) -> None:
    """A Telegram session holds its sender's lines, whatever their capitals; visits and letters hold none."""
    (letter,) = (await chat(tmp_path, LINES, "telegram", "Mira")).shown
    assert [one.partition(": ")[2] for one in letter.text.splitlines()] == [
        "a secret of mine",
        "I will keep it",
        "mira, one more thing",
    ]
    assert letter.stranger
    assert not await chat(tmp_path, LINES, "visit", "mira")
    assert not await chat(tmp_path, LINES, "correspondence", "mira")
    assert not await chat(tmp_path, LINES, "telegram", "ada")
    (letter,) = (await chat(tmp_path, LINES, "telegram_talk_open", "")).shown
    assert "night shift" in letter.text


async def test_the_chat_is_bounded_from_its_end(tmp_path: Path) -> None:
    """Twenty lines and two thousand characters at most, the newest kept; odd lines do no harm."""
    (letter,) = (await chat(tmp_path, [line("dinesh", f"line {number}") for number in range(99)])).shown
    assert len(letter.text.splitlines()) == 20
    assert letter.text.endswith("line 98")
    (letter,) = (await chat(tmp_path, [line("dinesh", "w" * 999) for _ in range(30)])).shown
    assert len(letter.text) <= chat_excerpts.TOTAL_LIMIT + 20
    odd: list[dict[str, Any]] = [{"from": 3}, {"from": "dinesh", "timestamp": "noon", "text": None}, {}]
    (letter,) = (await chat(tmp_path, odd)).shown
    assert letter.text == "[noon] dinesh: "
    assert not await chat(tmp_path / "other", [])


def conversation(home: Path, name: str, kind: str, text: str, *, age: int, sender: str = "") -> None:
    said = f'---\ndate: "2026-03-01"\ntype: "{kind}"\nsender: "{sender}"\n---\n\n## Message\n\n{text}\n'
    write(home / "conversations" / f"{name}.md", said, mtime=NOON - timedelta(hours=age))


async def recalled(home: Path, kind: str = "noon", sender: str = "") -> list[str]:
    found = await conversation_excerpts.gather(ask_for(home, kind, sender=sender))
    return [letter.file for letter in found.shown]


async def test_two_conversations_are_recalled(tmp_path: Path) -> None:
    """Its own, the owner's and those with the counterpart, the newest two, older first; other people's never, and no
    stranger's in a session that is shown none.
    """
    conversation(tmp_path, "a", "custom", "task", age=9)
    conversation(tmp_path, "b", "visit", "hello", age=8, sender="mira")
    conversation(tmp_path, "c", "telegram", "night shift", age=7, sender="dinesh")
    conversation(tmp_path, "d", "telegram", "a secret", age=6, sender="mira")
    conversation(tmp_path, "e", "correspondence", "mira", age=5)
    conversation(tmp_path, "f", "telegram_talk", "a talk", age=4, sender="mira")
    assert await recalled(tmp_path) == ["a.md", "c.md"]
    assert await recalled(tmp_path, "telegram", "mira") == ["d.md", "f.md"]
    assert await recalled(tmp_path, "visit", "mira") == []
    assert await recalled(tmp_path, "correspondence") == []
    assert await recalled(tmp_path / "elsewhere") == []
    conversation(tmp_path, "g", "self", "the tide", age=3)
    assert await recalled(tmp_path, "visit", "mira") == ["g.md"]
    assert await recalled(tmp_path, "telegram", "mira") == ["f.md", "g.md"]
    found = await conversation_excerpts.gather(ask_for(tmp_path, "telegram", sender="mira"))
    assert [letter.stranger for letter in found.shown] == [True, False]


async def test_beside_a_visitors_letter_nobodys_chat_is_recalled(tmp_path: Path) -> None:
    """As long as a visitor's words wait, sessions that show them hold neither the owner's chat nor talk with the owner;
    sessions that show no visitors hold them all the same.
    """
    conversation(tmp_path, "c", "telegram", "night shift", age=7, sender="dinesh")
    assert await recalled(tmp_path) == ["c.md"]
    assert await chat(tmp_path, LINES)
    write(tmp_path / "visitors" / "2026-03-02-v.md", "---\nfrom: x\n---\nhello")
    assert await recalled(tmp_path) == []
    assert not await chat(tmp_path, LINES)
    assert await recalled(tmp_path, "custom") == ["c.md"]
    assert await chat(tmp_path, LINES, "custom")


@pytest.mark.parametrize("length", [10, 2_000, 2_001, 50_000])
def test_an_excerpt_keeps_beginning_and_end(length: int) -> None:
    """Short texts stay whole; of long ones the middle is marked as missing."""
    text = "B" + "x" * (length - 2) + "E"
    short = conversation_excerpts.excerpt(text)
    assert short.startswith("B")
    assert short.endswith("E")
    assert ("[...]" in short) == (length > 2_000)
    assert len(short) <= 2_010
