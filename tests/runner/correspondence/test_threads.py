"""Threads: ids that never repeat, messages on disk, names that lead nowhere else, and what waits for an answer."""

import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.correspondence import LetterRefused, Message, Threads, read_letter, unanswered

NOW = datetime(2026, 2, 7, 21, 10, tzinfo=UTC)


@pytest.fixture
def threads(tmp_path: Path) -> Threads:
    (tmp_path / "mailbox" / "mira").mkdir(parents=True)
    return Threads(tmp_path / "mailbox")


def said(identity: str, sender: str, minute: int, reply: str | None = None) -> Message:
    return Message(id=identity, sender=sender, ts=(NOW + timedelta(minutes=minute)).isoformat(), in_reply_to=reply)


def ids(thread: list[Message]) -> list[str]:
    return [message.id for message in unanswered(thread)]


def test_a_letter_is_one_line_of_the_known_form(threads: Threads) -> None:
    """Compact JSON with exactly the known fields, in their order; a reply names what it answers."""
    threads.append("mira", "Is it snowing there?", now=NOW, sender="mira")
    sent = threads.append("mira", " Not here. ", now=NOW, reply_to="msg_20260207_u_001")
    first, second = (threads.root / "mira" / "thread.jsonl").read_text().splitlines()
    assert first == (
        '{"id":"msg_20260207_u_001","from":"mira","ts":"2026-02-07T21:10:00+00:00","body":"Is it snowing there?"}'
    )
    assert json.loads(second) == {
        "id": "msg_20260207_c_001",
        "from": "claudie",
        "ts": "2026-02-07T21:10:00+00:00",
        "body": "Not here.",
        "in_reply_to": "msg_20260207_u_001",
    }
    assert sent.id == "msg_20260207_c_001"


def test_a_number_is_never_given_twice(threads: Threads) -> None:
    """The next id is one over the highest of its day and direction, also when lines are lost or broken."""
    path = threads.root / "mira" / "thread.jsonl"
    path.write_text('{"id":"msg_20260207_c_009","from":"claudie"}\n{"id": 5}\n{"id":"msg_20260207_c_x"}\n{broken\n')
    assert threads.append("mira", "a", now=NOW).id == "msg_20260207_c_010"
    assert threads.append("mira", "b", now=NOW, sender="mira").id == "msg_20260207_u_001"
    assert threads.append("mira", "c", now=NOW + timedelta(days=1)).id == "msg_20260208_c_001"


def _write(root: Path, count: int) -> None:
    for _ in range(count):
        Threads(root).append("mira", "x", now=NOW)


def test_writers_in_several_processes_never_share_an_id(threads: Threads) -> None:
    """Four processes write at once: as many ids as letters."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(threads.root, 15)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    found = [message.id for message in threads.tail("mira")]
    assert len(found) == len(set(found)) == 60


@pytest.mark.parametrize(
    "name", ["..", "../x", "a", "", "Mira", "-ab", "ab-", "mira\n", "a" * 21, "claudie", "a/b", "mirá"]
)
def test_names_that_are_none_are_refused(threads: Threads, name: str) -> None:
    """What is no user name never becomes a path, and the resident has no mailbox of its own."""
    with pytest.raises(LetterRefused, match="is no user name"):
        threads.append(name, "x", now=NOW)


def test_what_cant_be_sent_is_told(threads: Threads) -> None:
    """An unknown mailbox, a link in its place, an empty or endless letter, an unknown message to answer."""
    (threads.root / "link").symlink_to(threads.root / "mira")
    for user in ("nobody", "link"):
        with pytest.raises(LetterRefused, match="has no mailbox; correspondents are: mira"):
            threads.append(user, "x", now=NOW)
    with pytest.raises(LetterRefused, match="is empty"):
        threads.append("mira", " \n", now=NOW)
    with pytest.raises(LetterRefused, match="at most 16000"):
        threads.append("mira", "x" * 16_001, now=NOW)
    with pytest.raises(LetterRefused, match="there is no message 'msg_9'"):
        threads.append("mira", "x", now=NOW, reply_to="msg_9")
    with pytest.raises(LetterRefused, match="does not write"):
        threads.append("mira", "x", now=NOW, sender="tom")
    assert not (threads.root / "mira" / "thread.jsonl").exists()
    assert threads.users() == ("mira",)


def test_a_letter_written_after_an_answer_waits_whatever_the_clock_says(threads: Threads) -> None:
    """The clock was ahead and is set back: what comes next stands behind what is there, and is unanswered."""
    first = threads.append("mira", "a", now=NOW, sender="mira")
    threads.append("mira", "b", now=NOW + timedelta(minutes=5), reply_to=first.id)
    late = threads.append("mira", "c", now=NOW - timedelta(hours=2), sender="mira")
    assert late.at == NOW + timedelta(minutes=5)
    assert unanswered(threads.tail("mira")) == (late,)


def test_a_letter_comes_from_a_file(tmp_path: Path) -> None:
    """A file's text is taken as it is; what is no text is refused by name."""
    (tmp_path / "letter.md").write_text("Dear Mira — hello")
    assert read_letter(tmp_path / "letter.md") == "Dear Mira — hello"
    (tmp_path / "picture").write_bytes(b"\xff\xfe\x00")
    for name, words in (("picture", "no text in UTF-8"), ("missing", "can't be read")):
        with pytest.raises(LetterRefused, match=words):
            read_letter(tmp_path / name)


def test_what_came_after_the_last_answered_letter_waits() -> None:
    """An answer without a name covers all before it; one that names a letter leaves those that crossed it."""
    thread = [said("u1", "mira", 0), said("u2", "mira", 1)]
    assert ids(thread) == ["u1", "u2"]
    assert ids([*thread, said("c1", "claudie", 2)]) == []
    assert ids([*thread, said("c1", "claudie", 2, "u1")]) == ["u2"]
    assert ids([*thread, said("c1", "claudie", 2, "u2"), said("u3", "mira", 3)]) == ["u3"]
    assert ids([*thread, said("c1", "claudie", 2, "gone"), said("u3", "mira", 3)]) == ["u3"]
    assert ids([said("c1", "claudie", 2), said("u1", "mira", 0), said("u2", "mira", 5)]) == ["u2"]


def test_a_message_without_a_time_keeps_its_place() -> None:
    """Old lines may lack a time: they stay behind the line before them."""
    untimed = Message(id="u2", sender="mira", ts="")
    assert ids([said("u1", "mira", 0), said("c1", "claudie", 1), untimed]) == ["u2"]
    assert Message.of({"id": 5, "from": None, "ts": "yesterday", "attachment": "x"}).at is None
