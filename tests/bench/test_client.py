"""The measuring client is right about what it reads: a server that says what a test wants it to."""

import gzip
import io
import json
import os
import socket
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bench.client import work
from tests.bench.crowd import Crowd
from tests.bench.desk import Desk, Edit, page
from tests.bench.edits import Asked, Editing, Reading
from tests.bench.links import Link, Links
from tests.bench.load import SAMPLE
from tests.bench.viewer import Known, Viewer
from tests.bench.wire import AnswerReader, EventReader, WireError

BODY = b'{"words":"' + b"salt " * 40 + b'"}'
OTHER = BODY.replace(b"salt", b"sand")
WITHIN = 10.0
STREAM_HEAD = b"HTTP/1.1 200 \r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def answer(body: bytes = BODY, *headers: str, status: int = 200) -> bytes:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status} ", 'ETag: "One"', *headers, f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + (b"" if status == 304 else body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def frame(number: int, slug: str) -> bytes:
    return b'id: boot-%d\nevent: score.created\ndata: {"slug":"%s"}\n\n' % (number, slug.encode())


WHOLE = {
    "with a length": (answer(), 200, BODY),
    "in chunks": (
        b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nsalt \r\n4\r\nsand\r\n0\r\nlate: yes\r\n\r\n",
        200,
        b"salt sand",
    ),
    "unmodified, with the length of what it leaves out": (answer(status=304), 304, b""),
    "empty": (answer(b""), 200, b""),
}


@pytest.mark.parametrize("case", WHOLE)
def test_an_answer_is_read_however_it_is_split(case: str) -> None:
    """Cut anywhere, or into single bytes, an answer ends with its last byte and not before."""
    wire, status, body = WHOLE[case]
    for pieces in ([wire], *([wire[:cut], wire[cut:]] for cut in range(1, len(wire))), [bytes([b]) for b in wire]):
        reader = AnswerReader()
        assert [reader.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert (reader.status, reader.body, reader.received) == (status, body, len(wire))


def test_two_answers_of_one_connection_are_kept_apart() -> None:
    """A reader that begins again knows nothing of the answer before."""
    reader = AnswerReader()
    assert reader.feed(answer(BODY, "content-encoding: gzip"))
    assert (reader.field(b"etag"), reader.field(b"content-encoding")) == (b'"One"', b"gzip")
    reader.begin()
    assert reader.feed(answer(OTHER))
    assert (reader.body, reader.field(b"content-encoding")) == (OTHER, b"")


@pytest.mark.parametrize("wire", [answer() + b"x", b"HTTP/1.1 200 \r\n\r\n", b"salt\r\n\r\n"])
def test_what_is_no_answer_is_an_error(wire: bytes) -> None:
    """More bytes than announced, no length, or no HTTP at all end the measuring."""
    with pytest.raises(WireError):
        AnswerReader().feed(wire)


def test_frames_come_whole_and_without_signs_of_life() -> None:
    """However it is split, a stream's frames are the events alone."""
    wire = b': open\n\n%sevent: heartbeat\ndata: {"ts":1}\n\n%s' % (frame(1, "a"), frame(2, "b"))
    wanted = [frame(1, "a")[:-2], frame(2, "b")[:-2]]
    for cut in range(len(wire)):
        reader = EventReader()
        assert reader.feed(wire[:cut]) + reader.feed(wire[cut:]) == wanted


@contextmanager
def scripted(answers: Sequence[Sequence[bytes]]) -> Iterator[int]:
    """A port where requests are answered with these in turn, each in these pieces, over however many connections."""
    left = deque(answers)

    def serve() -> None:
        while left:
            with listening.accept()[0] as sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(WITHIN)
                while left and _heard(sock):
                    pieces = left.popleft()
                    for piece in pieces:
                        sock.sendall(piece)
                    if b"connection: close" in pieces[0]:
                        break

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(WITHIN)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(WITHIN)
        assert not thread.is_alive()


def _heard(sock: socket.socket) -> bool:
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        data = sock.recv(4096)
        if not data:
            return False
        asked += data
    return True


def load(answers: Sequence[Sequence[bytes]], **job: Any) -> dict[str, Any]:
    """What the client makes of these answers: the first is what it compares with, the second for warming up."""
    with scripted(answers) as port:
        asked = {"do": "load", "host": "127.0.0.1", "port": port, "pid": os.getpid()}
        asked |= {"paths": ["/"], "connections": 1, "count": len(answers) - 2, "seconds": WITHIN, **job}
        out = io.StringIO()
        work(io.StringIO(json.dumps(asked) + "\n"), out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_right_answers_are_counted_with_their_bytes() -> None:
    """Whole, split and chunked, over a kept connection and a new one: none is wrong, and all bytes are counted."""
    whole = answer()
    closing = answer(BODY, "connection: close")
    chunked = b"HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n" + chunk(BODY) + b"0\r\n\r\n"
    measured = [[whole[:9], whole[9:60], whole[60:]], [closing], [chunked], [whole]]
    found = load([[whole], [whole], *measured])
    assert (found["answers"], found["wrong"], found["reopened"], found["encoding"]) == (4, 0, 1, "identity")
    assert found["bytes"] == sum(len(b"".join(pieces)) for pieces in measured)


def test_an_unmodified_answer_has_no_body() -> None:
    """After a 304 that names the length of what it leaves out the next answer is read from its beginning."""
    found = load([[answer()], *[[answer(status=304)]] * 3], conditional=True)
    assert (found["answers"], found["wrong"], found["bytes"]) == (2, 0, 2 * len(answer(status=304)))


def test_packed_answers_are_unpacked() -> None:
    """The same body in another packing is right."""
    packed = answer(gzip.compress(BODY, mtime=0), "content-encoding: gzip")
    found = load([[answer()], *[[packed]] * 4], zipped=True)
    assert (found["answers"], found["wrong"], found["encoding"]) == (3, 0, "gzip")


WRONG = {
    "other bytes of the same length": ([answer(OTHER)] * SAMPLE, {}, 1),
    "another length": ([answer(BODY[:-1])], {}, 1),
    "another status": ([answer(status=503)], {}, 1),
    "other bytes packed": ([answer(gzip.compress(OTHER), "content-encoding: gzip")], {"zipped": True}, 1),
    "packed for who did not ask": ([answer(gzip.compress(BODY), "content-encoding: gzip")], {}, 1),
    "a body for who has it": ([answer()], {"conditional": True}, 1),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_is_told(case: str) -> None:
    """Whatever differs from the first answer is counted and described."""
    answers, job, wrong = WRONG[case]
    warm = answer(status=304) if job.get("conditional") else answer()
    found = load([[answer()], [warm], *([wire] for wire in answers)], **job)
    assert found["wrong"] == wrong
    assert len(found["told"]) == wrong


def crowd(folder: Path, streams: Sequence[bytes], *, within: float) -> dict[str, Any]:
    """The verdict on viewers who received these streams, of two files that are written."""
    found = Crowd(pid=os.getpid(), folder=folder)
    others: list[socket.socket] = []
    known = Known()
    for stream in streams:
        mine, other = socket.socketpair()
        other.sendall(STREAM_HEAD + chunk(b": open\n\n") + stream)
        others.append(other)
        found.add(Viewer(mine, known))
    verdict = found.tell(names=["a", "b"], pause=0.0, within=within)
    for sock in (*others, *(viewer.sock for viewer in found.viewers.values())):
        sock.close()
    return verdict


TWO = chunk(frame(1, "a")) + chunk(frame(2, "b"))


def test_viewers_who_received_the_same_are_right(tmp_path: Path) -> None:
    """The sums are equal though one stream came in one chunk and the other in two."""
    verdict = crowd(tmp_path, [TWO, chunk(frame(1, "a") + frame(2, "b"))], within=WITHIN)
    assert (verdict["right"], verdict["served"], verdict["sums"]) == (True, 2, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.md", "b.md"]


MISSED = {
    "a frame": chunk(frame(1, "a")),
    "the order": chunk(frame(2, "b")) + chunk(frame(1, "a")),
    "a number": chunk(frame(1, "a")) + chunk(frame(3, "b")),
    "some, as a gap tells": chunk(frame(1, "a")) + chunk(b'event: gap\ndata: {"count":1,"reason":"slow"}\n\n'),
    "nothing, and has one twice": TWO + chunk(frame(2, "b")),
}


@pytest.mark.parametrize("case", MISSED)
def test_a_viewer_who_missed_something_is_seen(tmp_path: Path, case: str) -> None:
    """One of two viewers that differs makes the whole wrong."""
    assert not crowd(tmp_path, [TWO, MISSED[case]], within=0.05)["right"]


def test_what_all_viewers_missed_is_seen(tmp_path: Path) -> None:
    """Equal sums are not enough: the files that were written have to be in them."""
    assert not crowd(tmp_path, [chunk(frame(1, "a") + frame(2, "c"))] * 2, within=WITHIN)["right"]


def desk(*edits: tuple[int, str, float]) -> Desk:
    return Desk([Path("one.md")], edits={0: [Edit(number, 0, way, done) for number, way, done in edits]})


@pytest.mark.parametrize(
    ("number", "asked_at", "age"),
    [
        (3, 13.0, 0.0),  # the newest
        (2, 13.0, 1.0),  # the newest had been done for a second
        (1, 13.0, 2.0),  # and the one that this leaves out first for two
        (2, 11.5, 0.0),  # the newest was not there yet
        (4, 13.0, None),  # never written
        (None, 13.0, 2.0),  # emptied by the second edit, whose end is missing
    ],
)
def test_an_age_counts_from_the_first_edit_left_out(number: int | None, asked_at: float, age: float | None) -> None:
    """How old an answer is follows from the oldest edit it should have known."""
    assert desk((1, "replaced", 10.0), (2, "rewritten", 11.0), (3, "replaced", 12.0)).age(0, number, asked_at) == age


def test_a_file_that_was_never_emptied_is_never_gone() -> None:
    """No moment of a replaced or overwritten file is without its text."""
    assert desk((1, "replaced", 10.0), (2, "overwritten", 11.0)).age(0, None, 11.0) is None


@contextmanager
def reading(edits: Desk) -> Iterator[Reading]:
    editing = Editing(
        host="",
        port=0,
        pid=os.getpid(),
        folder="",
        route="/list",
        stream="",
        slugs=["one"],
        edits=1,
        each_second=1,
        connections=1,
        zipped=False,
    )
    with Links[Asked]("", 0) as links:
        yield Reading(editing, edits, {}, links)


def judge(told: Reading, wire: bytes, *, sent: float, etag: str = "") -> None:
    mine, other = socket.socketpair()
    with mine, other:
        link = Link[Asked](mine, asked=Asked("/list", None, zipped=False, etag=etag), sent=sent)
        assert link.reader.feed(wire)
        told._judge(link)


def test_an_etag_that_stands_for_two_bodies_is_a_conflict() -> None:
    """The same tag with other bytes is told, with the same ones it is not."""
    with reading(desk((1, "replaced", 10.0))) as told:
        first, second = (answer(page(1, 0).encode() + more) for more in (b"", b" "))
        judge(told, first, sent=11.0)
        judge(told, first, sent=11.0)
        assert (told.conflicts, told.wrong, told.ages) == (0, 0, [0.0, 0.0])
        judge(told, second, sent=11.0)
        assert (told.conflicts, told.wrong) == (1, 1)


def test_an_old_answer_is_told_even_when_it_says_unmodified() -> None:
    """A 304 says what its tag said: past the time that is allowed it is as wrong as an old body."""
    with reading(desk((1, "replaced", 10.0), (2, "replaced", 12.0))) as told:
        judge(told, answer(page(1, 0).encode()), sent=12.25)
        judge(told, answer(status=304), sent=12.25, etag='"One"')
        assert (told.wrong, told.unmodified, told.ages) == (0, 1, [0.25, 0.25])
        judge(told, answer(status=304), sent=12.5, etag='"One"')
        assert (told.wrong, told.ages[-1]) == (1, 0.5)


def test_each_way_of_editing_leaves_the_same_length(tmp_path: Path) -> None:
    """Overwriting in place needs texts of one length, and every way ends with the whole text."""
    one = Desk([tmp_path / "one.md"])
    for way in ("replaced", "rewritten", "overwritten"):
        edit = one.write(0, way)
        assert (tmp_path / "one.md").read_text() == page(edit.number, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["one.md"]
