"""Paths derive from the home, apart from the few that may be set."""

from pathlib import Path

from runner.settings import Paths, load_settings


def test_every_path_lies_in_the_home(tmp_path: Path) -> None:
    """With nothing set, no path leads out of the home, and no two names lead to one place."""
    paths = Paths(home=tmp_path)
    names = [name for name, value in vars(Paths).items() if isinstance(value, property)]
    found = {name: getattr(paths, name) for name in names if name != "shared_session_lock"}
    assert len(found) > 40
    assert all(path.is_relative_to(tmp_path) and path != tmp_path for path in found.values())
    assert len(set(found.values())) == len(found)


def test_set_paths(tmp_path: Path) -> None:
    """A relative path in a setting starts at home, an absolute one stands."""
    environ = {
        "SESSION_LOCK_PATH": "/run/x.lock",
        "API_SESSION_STREAM_PATH": "data/other.jsonl",
        "API_SESSION_STATUS_PATH": "/s",
        "TELEGRAM_HISTORY_PATH": "h",
        "VISITORS_ARCHIVE": "a",
        "MODERATION_DIR": "m",
        "LOG_FILE": "l",
    }
    paths = load_settings({"home": tmp_path}, environ).settings.paths
    assert paths.session_lock == Path("/run/x.lock")
    assert paths.live_stream == tmp_path / "data/other.jsonl"
    assert (paths.session_status, paths.chat_history) == (Path("/s"), tmp_path / "h")
    assert (paths.visitors_archive, paths.moderation) == (tmp_path / "a", tmp_path / "m")
    assert paths.retention_log == tmp_path / "l"


def test_predecessors_lock(tmp_path: Path) -> None:
    """Only in the predecessor's own home, with no lock named, its lock is taken too."""
    assert Paths(home=Path("/claude-home")).shared_session_lock == Path("/run/claude-session.lock")
    assert Paths(home=tmp_path).shared_session_lock is None
    assert Paths(home=Path("/claude-home"), session_lock_setting=Path("/l")).shared_session_lock is None
