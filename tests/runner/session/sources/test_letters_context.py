"""The letters of a correspondence session: which are unanswered, how they are told, and within what limits."""

import json
from pathlib import Path
from typing import Any

from runner.session.sources import letters_context
from runner.session.sources.base import Letters
from runner.session.sources.letters_context import users_of
from tests.runner.session.asking import ask_for, write


def letter(number: int, sender: str = "mira", **more: Any) -> dict[str, Any]:
    side = "c" if sender == "claudie" else "u"
    return {
        "id": f"msg_20260207_{side}_{number:03}",
        "from": sender,
        "ts": f"2026-02-07T{number:02}:00:00+00:00",
        "body": f"letter {number}",
        **more,
    }


def thread(home: Path, user: str, *letters: dict[str, Any]) -> None:
    write(home / "mailbox" / user / "thread.jsonl", "".join(json.dumps(one) + "\n" for one in letters))


async def told(home: Path, message: str, kind: str = "correspondence") -> Letters:
    return await letters_context.gather(ask_for(home, kind, message=message))


async def test_unanswered_letters_are_told_by_correspondent(tmp_path: Path) -> None:
    """Name, user name, time, id, text and where the picture lies; what was answered before is not there."""
    picture = {"filename": "msg_20260207_u_004.png", "mime": "image/png", "size": 3}
    thread(
        tmp_path,
        "mira",
        letter(1),
        letter(2, "claudie", in_reply_to="msg_20260207_u_001"),
        letter(4, attachment=picture),
        letter(3),
    )
    thread(tmp_path, "ada", letter(1, "ada"), letter(2, "claudie"))
    accounts = {"digest": {"username": "mira", "display_name": "Mira\nK."}, "other": {"username": 3}, "odd": []}
    write(tmp_path / "data" / "mailbox-accounts.json", json.dumps(accounts))
    found = await told(tmp_path, "mira, ada,nobody")
    (block,) = found.shown
    assert block.source == "mailbox/mira"
    assert block.text == (
        "From Mira K. (user name: mira)\n\n"
        "[2026-02-07T03:00:00+00:00] (id: msg_20260207_u_003)\nletter 3\n\n"
        "[2026-02-07T04:00:00+00:00] (id: msg_20260207_u_004)\nletter 4\n"
        "attachment: mailbox/mira/attachments/msg_20260207_u_004.png"
    )
    assert not await told(tmp_path, "mira", "telegram")


async def test_letters_stay_within_their_limits(tmp_path: Path) -> None:
    """A letter is cut at its own limit, 40,000 characters are told in all, and the remainder is counted."""
    thread(tmp_path, "mira", *(letter(number, body="x" * 20_000) for number in range(1, 6)))
    found = await told(tmp_path, "mira")
    assert len(found) <= letters_context.TOTAL_LIMIT + 200
    assert found.more == 2
    assert "[... cut here]" in found.shown[0].text


async def test_names_lead_nowhere_else(tmp_path: Path) -> None:
    """Only what can be a user name is taken from the wake's message, and a strange attachment is not pointed at."""
    assert users_of("mira,mira, ../ada,Ada,a,,x-,claudie,bob-1") == ("mira", "bob-1")
    thread(tmp_path, "mira", letter(1, attachment={"filename": "../../x"}), letter(2, attachment="x", body=None))
    (block,) = (await told(tmp_path, "mira")).shown
    assert "attachment" not in block.text
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mailbox-accounts.json").write_text("[]")
    assert letters_context.display_names(tmp_path / "data" / "mailbox-accounts.json") == {}
