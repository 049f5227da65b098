import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from runner.analytics import LogShelf, SessionFigures, logs
from runner.analytics.logs import lines_from_the_end

RESULT: dict[str, Any] = {
    "type": "result",
    "duration_ms": 1000,
    "num_turns": 4,
    "total_cost_usd": 0.25,
    "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 14},
}
SESSION = SessionFigures(date="2026-01-16", duration_ms=1000, turns=4, cost_usd=0.25, tokens=20)


def line(**changed: Any) -> str:
    return json.dumps({**RESULT, **changed}, separators=(",", ":"))


def put(folder: Path, text: str, name: str = "session-20260116-090000.log") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_log_is_one_session(tmp_path: Path) -> None:
    """The last line with a result that is JSON counts, whatever stands around it."""
    odd = '{"type":"result", cut\n["type":"result"]\nexit code: 0\n'
    put(tmp_path, f"Type: morning\n{line(num_turns=9)}\nx\n{line()}\n{odd}")
    put(tmp_path, line(), "other.log")
    put(tmp_path, line(), "session-x.log")
    assert LogShelf(tmp_path).sessions(()) == (SESSION,)


def test_what_the_ledger_knows_is_not_counted_twice(tmp_path: Path) -> None:
    """A log whose id is known is passed over, also one with a number behind it."""
    put(tmp_path, line())
    put(tmp_path, line(), "session-20260116-090000-2.log")
    assert LogShelf(tmp_path).sessions({"20260116-090000"}) == (SESSION,)
    assert LogShelf(tmp_path).sessions({"20260116-090000", "20260116-090000-2"}) == ()


@pytest.mark.parametrize("text", ["", "no result\n", '{"type": "result"}\n', "\n" * 10, '"type":"result"'])
def test_without_a_result_it_is_no_session(tmp_path: Path, text: str) -> None:
    """A log that ended early is silently passed over."""
    shelf = LogShelf(tmp_path)
    put(tmp_path, text)
    assert (shelf.sessions(()), shelf.problems()) == ((), {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (line(usage=None), "usage"),
        (line(usage=[1]), "usage"),
        (line(num_turns="4"), "num_turns is '4'"),
        (line(total_cost_usd=float("nan")), "total_cost_usd"),
        (line(duration_ms=float("inf")), "duration_ms"),
        (line(duration_ms=10**400), "duration_ms"),
        (line(usage={"input_tokens": None}), "input_tokens"),
        (line(num_turns=True), "num_turns"),
    ],
)
def test_odd_numbers_leave_only_their_log_out(tmp_path: Path, text: str, says: str) -> None:
    """One odd log takes nothing but itself away, and is told."""
    put(tmp_path, line())
    put(tmp_path, text, "session-20260117-090000.log")
    put(tmp_path, line(), "session-20261399-090000.log")
    shelf = LogShelf(tmp_path)
    assert shelf.sessions(()) == (SESSION,)
    assert says in shelf.problems()["session-20260117-090000.log"]
    assert "no real day" in shelf.problems()["session-20261399-090000.log"]


def test_what_is_not_said_is_zero(tmp_path: Path) -> None:
    """A result without figures is a session that used nothing."""
    put(tmp_path, '{"type":"result"}')
    assert LogShelf(tmp_path).sessions(()) == (SessionFigures(date="2026-01-16"),)


def test_a_log_is_read_once_for_each_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unchanged logs are not opened again; changed and new ones are, and gone ones are forgotten."""
    read: list[str] = []
    real = logs.read_log

    def counting(path: Path) -> SessionFigures | None:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(logs, "read_log", counting)
    shelf = LogShelf(tmp_path)
    path = put(tmp_path, "")
    assert shelf.sessions(()) == ()
    put(tmp_path, line())
    assert shelf.sessions(()) == (SESSION,)
    assert shelf.sessions(()) == (SESSION,)
    assert read == [path.name] * 2
    path.unlink()
    assert shelf.sessions(()) == ()


def test_odd_files(tmp_path: Path) -> None:
    """A missing folder, links, folders and pipes hold no sessions and keep nobody waiting."""
    assert LogShelf(tmp_path / "none").sessions(()) == ()
    target = put(tmp_path, line(), "real")
    (tmp_path / "session-20260116-000001.log").symlink_to(target)
    (tmp_path / "session-20260116-000002.log").mkdir()
    os.mkfifo(tmp_path / "session-20260116-000003.log")
    assert LogShelf(tmp_path).sessions(()) == ()


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("text", [b"", b"a", b"\n", b"one\ntwo\n\nthree", b"\nx\n", b"a long line alone"])
def test_lines_backwards(text: bytes, block: int) -> None:
    """Lines come last first, whatever the size of the blocks they are read in."""
    assert list(lines_from_the_end(io.BytesIO(text), block=block)) == text.split(b"\n")[::-1]


def test_only_the_end_of_a_huge_log_is_looked_through() -> None:
    """Beyond the limit nothing is read, and no half line is told as a whole one."""
    assert list(lines_from_the_end(io.BytesIO(b"first\nsecond\nthird"), block=4, most=9)) == [b"third"]
