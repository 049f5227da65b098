"""The replay from the raw lines on disk."""

from pathlib import Path

from runner.stream.redact import Redactor
from runner.stream.replay import replay
from tests.runner.stream.test_projection import END, INIT, SESSION, assistant, delta, opened, said


def made(path: Path, *, ended: bool) -> list[tuple[str, str]]:
    events = replay(path, session_id="s", home=Path("/h/home"), redactor=Redactor(), ended=ended)
    return [(event.name.removeprefix("session."), str(event.data.get("text", ""))) for event in events]


def test_a_whole_session_is_replayed_without_deltas(tmp_path: Path) -> None:
    """Blocks that are finished come once, as their full text; a session that told its end has one end."""
    (tmp_path / "live").write_bytes(SESSION)
    names = [name for name, _ in made(tmp_path / "live", ended=True)]
    assert names == ["start", "text", "tool", "tool_result", "end"]


def test_the_open_block_comes_as_one_delta(tmp_path: Path) -> None:
    """What was still being written is one delta, before the end that an interrupted session is given."""
    lines = [INIT, assistant(said("one")), opened(), delta("two and "), delta("a bi")]
    (tmp_path / "live").write_bytes(b"\n".join(lines) + b"\n{half")
    assert made(tmp_path / "live", ended=False) == [("start", ""), ("text", "one"), ("delta", "two and a ")]
    assert made(tmp_path / "live", ended=True) == [
        ("start", ""),
        ("text", "one"),
        ("delta", "two and a bi"),
        ("end", ""),
    ]


def test_nothing_to_replay_is_nothing(tmp_path: Path) -> None:
    """A missing or empty file gives no events, not even an end."""
    assert made(tmp_path / "absent", ended=True) == []
    (tmp_path / "empty").write_bytes(b"")
    assert made(tmp_path / "empty", ended=True) == []
    (tmp_path / "whole").write_bytes(INIT + b"\n" + END + b"\n")
    assert [name for name, _ in made(tmp_path / "whole", ended=True)] == ["start", "end"]
