import socket
from math import inf

import trio
from trio.testing import MockClock

from web.server.deadlines import SILENT_SECONDS, Debt, Patience, Shield, at_the_system


async def silence_of(patience: Patience) -> float:
    """How long a connection may be silent from now on, as its reading finds it."""
    began = trio.current_time()
    with patience.reading:
        await trio.sleep_forever()
    return trio.current_time() - began


async def test_a_silent_connection_has_its_time(autojump_clock: MockClock) -> None:
    """Its reading ends after so many seconds without a request."""
    patience = Patience(30, trio.CancelScope())
    patience.restart()
    assert await silence_of(patience) == 30


async def test_a_request_has_time_without_end(autojump_clock: MockClock) -> None:
    """While one is answered no silence counts, whatever the client sends and whatever the server is about to do."""
    patience = Patience(30, trio.CancelScope())
    patience.restart()
    patience.begin()
    patience.hurry()
    patience.restart()
    assert (patience.reading.deadline, patience.answering) == (inf, True)


async def test_the_time_begins_after_the_last_of_many_answers(autojump_clock: MockClock) -> None:
    """Where several requests are answered at once, one that is over leaves the others theirs."""
    patience = Patience(30, trio.CancelScope())
    patience.begin()
    patience.begin()
    patience.end()
    assert patience.reading.deadline == inf
    await trio.sleep(100)
    patience.end()
    assert await silence_of(patience) == 30
    assert not patience.answering


async def test_a_stopping_server_waits_for_no_silence(autojump_clock: MockClock) -> None:
    """Neither of a connection that is silent already, nor of one whose answer ends a moment later."""
    silent, late = Patience(30, trio.CancelScope()), Patience(30, trio.CancelScope())
    silent.restart()
    late.begin()
    silent.hurry()
    late.hurry()
    assert await silence_of(silent) == SILENT_SECONDS
    late.end()
    assert await silence_of(late) == SILENT_SECONDS


async def test_a_debt_is_stale_when_nothing_of_it_is_taken(autojump_clock: MockClock) -> None:
    """The time counts from the first look that finds it, anew with each bit, and not while nothing is owed."""
    debt = Debt()
    found = []
    for owed, taken in [(0, 0), (9, 0), (9, 0), (8, 1), (20, 1), (19, 2), (0, 21), (5, 21), (5, 21), (5, 21)]:
        found.append(debt.is_stale(owed, taken, limit=10))
        await trio.sleep(6)
    assert found == [False] * 9 + [True]


async def test_what_the_system_still_has() -> None:
    """Nothing once all has come to the client's system; what is left of it while that has no room."""
    with socket.socket() as listening, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client.connect(listening.getsockname())
        ours, _ = listening.accept()
        with ours:
            assert told(ours) == (0, 0)
            ours.sendall(b"x" * 100)
            await settled(ours)
            ours.setblocking(False)
            sent = 100 + ours.send(b"x" * 100_000)
            owed, taken = told(ours)
            assert owed
            got = 0
            while got < sent:
                got += len(client.recv(100_000))
            assert await settled(ours) == (0, sent)
            assert taken < sent


def told(sock: socket.socket) -> tuple[int, int]:
    found = at_the_system(sock)
    assert found is not None
    return found


async def settled(sock: socket.socket) -> tuple[int, int]:
    """What it says once all has come."""
    with trio.fail_after(5):
        while (found := told(sock))[0]:
            await trio.sleep(0.01)  # the systems speak with each other; there is no event for it
    return found


async def test_a_shield_holds_until_its_deadline_or_until_it_is_taken_away(autojump_clock: MockClock) -> None:
    """Outer cancellation does not reach what is inside; the server's list has it only while it holds."""
    shields: set[trio.CancelScope] = set()
    began = trio.current_time()
    with trio.move_on_after(1), Shield(shields, 5) as scope:
        assert shields == {scope}
        await trio.sleep_forever()
    assert (trio.current_time() - began, shields) == (5, set())
