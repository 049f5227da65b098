"""Line logs: whole lines only, bad ones skipped and counted."""

import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.storage import jsonl

STEADY = settings(deadline=None, derandomize=True)


def test_append_and_read(tmp_path: Path) -> None:
    """What is appended is read back in order, from a private file."""
    path = tmp_path / "a.jsonl"
    jsonl.append(path, {"n": 1, "text": "ä\nb"}, sync=True)
    jsonl.append(path, {"n": 2})
    assert path.read_bytes().count(b"\n") == 2
    assert jsonl.read(path) == jsonl.Records(({"n": 1, "text": "ä\nb"}, {"n": 2}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_missing_file_is_empty(tmp_path: Path) -> None:
    """Nothing written yet reads as nothing."""
    assert jsonl.read(tmp_path / "none") == jsonl.tail(tmp_path / "none", 3) == jsonl.Records(())


def test_bad_lines_are_counted(tmp_path: Path) -> None:
    """Half lines, other JSON and bytes that are no text are skipped and counted; empty lines are nothing."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"n":1}\n\n{"n":\n[1]\n\xff\xfe\n' + b"[" * 100_000 + b'\n{"n":2}')
    assert jsonl.read(path) == jsonl.Records(({"n": 1}, {"n": 2}), bad=4)


def test_torn_line_is_closed(tmp_path: Path) -> None:
    """After another writer's crash in mid-line the next record stands on a line of its own."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"n":1}\n{"n"')
    jsonl.append(path, {"n": 2})
    assert jsonl.read(path) == jsonl.Records(({"n": 1}, {"n": 2}), bad=1)


def test_limits(tmp_path: Path) -> None:
    """A record over the limit is refused with its size, and a raw line can't hold a line break."""
    path = tmp_path / "a.jsonl"
    with pytest.raises(jsonl.LineTooLong, match="a record for a.jsonl has 65546 bytes; at most 65535"):
        jsonl.append(path, {"text": "x" * 65_535})
    with pytest.raises(ValueError, match="line break"):
        jsonl.append_line(path, b"a\nb")
    assert not path.exists()


def test_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When only a part fits, the part is taken back."""
    path = tmp_path / "a.jsonl"
    jsonl.append(path, {"n": 1})
    real = os.write
    calls: list[int] = []

    def part(descriptor: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[:3])

    monkeypatch.setattr(os, "write", part)
    with pytest.raises(OSError, match="No space"):
        jsonl.append(path, {"n": 2})
    monkeypatch.undo()
    assert path.read_bytes() == b'{"n":1}\n'


def test_many_writers(tmp_path: Path) -> None:
    """Lines of writers that append at once never mix."""
    path = tmp_path / "a.jsonl"

    def write(who: int) -> None:
        for number in range(50):
            jsonl.append(path, {"who": who, "n": number, "fill": "x" * 5000})

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    records = jsonl.read(path)
    assert (len(records.items), records.bad) == (200, 0)
    for who in range(4):
        assert [item["n"] for item in records.items if item["who"] == who] == list(range(50))


@STEADY
@given(st.lists(st.text(max_size=20), max_size=30), st.integers(0, 12), st.integers(1, 300))
def test_tail_is_the_end_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], count: int, window: int
) -> None:
    """The tail is always a suffix of what reading everything gives, and never counts the line its window cut."""
    path = tmp_path_factory.mktemp("tail") / "a.jsonl"
    path.touch()
    for text in texts:
        jsonl.append(path, {"text": text})
    whole = jsonl.read(path).items
    part = jsonl.tail(path, count, window=window)
    assert part.bad == 0
    assert len(part.items) <= count
    assert whole[len(whole) - len(part.items) :] == part.items
    assert jsonl.tail(path, count).items == (whole[-count:] if count else ())
