"""A thread that has grown, and nothing else in the mailbox, is news."""

import json
from pathlib import Path

from runner.content import NewMessage, ThreadPositions


def append(home: Path, user: str, *identities: str) -> Path:
    path = home / user / "thread.jsonl"
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        for identity in identities:
            file.write(json.dumps({"id": identity, "from": user, "ts": "", "body": "private words"}) + "\n")
    return path


def test_each_new_line_is_told_once(tmp_path: Path) -> None:
    """What was known is not told again; each new message has its id and its direction."""
    append(tmp_path, "ann", "msg_20260301_u_001")
    threads, first = ThreadPositions(tmp_path).everywhere()
    assert first == (NewMessage("ann", "msg_20260301_u_001", from_resident=False),)
    path = append(tmp_path, "ann", "msg_20260301_c_001", "msg_20260301_u_002")
    threads, news = threads.at([path])
    assert [(one.message_id, one.from_resident) for one in news] == [
        ("msg_20260301_c_001", True),
        ("msg_20260301_u_002", False),
    ]
    assert threads.at([path]) == (threads, ())
    assert threads.everywhere() == (threads, ())


def test_other_files_and_nested_ones_are_no_threads(tmp_path: Path) -> None:
    """Cursors, attachments and threads deeper down say nothing, and a user may be called like a kind of content."""
    (tmp_path / "ann" / "attachments").mkdir(parents=True)
    (tmp_path / "ann" / "cursor.json").write_text("{}")
    nested = append(tmp_path / "ann", "attachments", "msg_x_u_1")
    threads, news = ThreadPositions(tmp_path).at([nested, tmp_path / "ann" / "cursor.json"])
    assert news == ()
    path = append(tmp_path, "dreams-of", "msg_x_u_2")
    assert [one.user for one in threads.at([path])[1]] == ["dreams-of"]


def test_half_a_line_waits_and_a_broken_one_is_passed_over(tmp_path: Path) -> None:
    """A line is news when it is whole; one that can't be read hides none after it."""
    path = append(tmp_path, "ann", "msg_1_u_1")
    threads, _ = ThreadPositions(tmp_path).everywhere()
    with path.open("a") as file:
        file.write('not json\n[1]\n{"id": 3}\n{"id": "msg_1_u_2", "bo')
    threads, news = threads.at([path])
    assert news == ()
    with path.open("a") as file:
        file.write('dy": ""}\n')
    _, news = threads.at([path])
    assert [one.message_id for one in news] == ["msg_1_u_2"]


def test_a_thread_cut_short_tells_what_comes_after(tmp_path: Path) -> None:
    """A shorter file, or one that is gone for a while, is no news; what is written then is."""
    path = append(tmp_path, "ann", "msg_1_u_1", "msg_1_u_2")
    threads, _ = ThreadPositions(tmp_path).everywhere()
    path.write_text("")
    threads, news = threads.at([path])
    assert news == ()
    append(tmp_path, "ann", "msg_1_u_3")
    threads, news = threads.at([path])
    assert [one.message_id for one in news] == ["msg_1_u_3"]
    path.unlink()
    assert threads.at([path])[1] == ()
