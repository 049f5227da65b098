import json

from runner.live import frames
from runner.live.frames import Frame
from runner.live.session_log import OPEN_LIMIT, SessionLog


def frame(number: int, event: str = "session.tool", size: int = 10) -> Frame:
    return Frame("session", event, number, b"{}", b"x" * size)


def delta(text: str) -> bytes:
    return json.dumps({"text": text}).encode()


def test_readers_go_on_where_they_were() -> None:
    """A reader gets each frame once, in pieces of the size it asks for."""
    log = SessionLog("s", 10_000)
    for number in range(5):
        log.add(frame(number))
    taken, lost, index, weight = log.read(0, 0, at_most=25)
    assert ([one.number for one in taken], lost, index, weight) == ([0, 1, 2], 0, 3, 3)
    rest, lost, index, _ = log.read(index, weight, at_most=1000)
    assert ([one.number for one in rest], lost, index) == ([3, 4], 0, 5)


def test_what_made_room_is_counted_exactly() -> None:
    """A reader that was overtaken learns how many events it missed, wherever it stood."""
    log = SessionLog("s", 10 * 10)
    for number in range(3000):
        log.add(frame(number))
    assert len(log) == 10
    for seen in (0, 17, 2990, 2995):
        taken, lost, _, _ = log.read(seen, seen, at_most=10_000)
        assert lost == max(0, 2990 - seen)
        assert len(taken) == 3000 - max(2990, seen)


def test_deltas_are_kept_as_one() -> None:
    """Whoever joins in the middle of a block gets one delta with all of it so far."""
    log = SessionLog("s", 10_000)
    log.add_delta(delta("Hel"))
    log.add_delta(delta("lö"))
    assert log.open_block() == frames.encode("session.delta", '{"text": "Hellö"}'.encode())
    assert log.open_block() is log.open_block()
    assert log.view().open_text == "Hellö"


def test_the_full_text_replaces_its_deltas() -> None:
    """After a block's full text nothing of its deltas is replayed."""
    log = SessionLog("s", 10_000)
    log.add_delta(delta("Hel"))
    log.add(frame(1, frames.TEXT))
    assert log.open_block() is None


def test_a_block_with_a_hole_is_not_replayed() -> None:
    """A lost delta holds back the rest of its block, and only of this one."""
    log = SessionLog("s", 10_000)
    log.add_delta(delta("a"))
    log.hole()
    log.add_delta(delta("c"))
    assert log.open_block() is None
    log.add(frame(1, frames.TEXT))
    log.add_delta(delta("new"))
    assert log.view().open_text == "new"


def test_an_endless_block_is_bounded() -> None:
    """An unfinished block over the limit is not kept: its full text follows."""
    log = SessionLog("s", 10_000)
    log.add_delta(delta("x" * (OPEN_LIMIT + 1)))
    assert log.open_block() is None


def test_odd_deltas_are_nothing() -> None:
    """A delta of a shape nobody sends neither raises nor shows."""
    log = SessionLog("s", 10_000)
    for data in (b"[1]", b"{", b'{"text":3}'):
        log.add_delta(data)
    assert log.view().open_text == ""
