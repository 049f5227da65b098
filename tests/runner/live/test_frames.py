import pytest

from runner.live import frames


def test_an_event_is_two_lines_and_an_empty_one() -> None:
    """A frame has its name and its data, and ends with an empty line."""
    assert frames.encode("a.b", b'{"x":1}') == b'event: a.b\ndata: {"x":1}\n\n'


def test_an_id_comes_first() -> None:
    """Where a frame has an id, clients can come back to it."""
    assert frames.encode("a", b"{}", identity="boot-7") == b"id: boot-7\nevent: a\ndata: {}\n\n"


@pytest.mark.parametrize(("event", "data"), [("a\nb", b"{}"), ("a", b"{}\n"), ("a", b"{\r}")])
def test_a_line_end_inside_is_refused(event: str, data: bytes) -> None:
    """No text can smuggle a second event into a frame."""
    with pytest.raises(ValueError, match="one line"):
        frames.encode(event, data)


def test_small_frames() -> None:
    """Comments, heartbeats and gaps have the shape that clients expect."""
    assert frames.comment("open") == b": open\n\n"
    assert frames.heartbeat(12) == b'event: heartbeat\ndata: {"ts":12}\n\n'
    assert frames.gap(None, "restart") == b'event: gap\ndata: {"count": null, "reason": "restart"}\n\n'
