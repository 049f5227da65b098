from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from web.server.inbox import StreamInbox

GONE = {"type": "http.disconnect"}


def part(number: int) -> dict[str, Any]:
    return {"type": "http.request", "body": b"%d" % number, "more_body": True}


async def test_messages_come_in_order() -> None:
    """An application hears all of what was asked."""
    inbox = StreamInbox(10)
    for number in range(10):
        await inbox.put(part(number))
    assert [await inbox.receive() for _ in range(10)] == [part(number) for number in range(10)]


async def test_a_busy_application_is_waited_for(nursery: trio.Nursery) -> None:
    """A body is read no faster than it is taken."""
    inbox = StreamInbox(1)
    await inbox.put(part(0))
    nursery.start_soon(inbox.put, part(1))
    await wait_all_tasks_blocked()
    assert [await inbox.receive() for _ in range(2)] == [part(0), part(1)]


async def test_the_end_comes_through_a_full_inbox(nursery: trio.Nursery) -> None:
    """Who asks nothing more is told of at once; the parts of a body before it are of no use, nor waited with."""
    inbox = StreamInbox(1)
    await inbox.put(part(0))
    nursery.start_soon(inbox.put, part(1))
    await wait_all_tasks_blocked()
    with trio.fail_after(1):
        await inbox.put(GONE)
    assert await inbox.receive() == GONE


@pytest.mark.parametrize("waiting", [0, 1, 5])
async def test_nobody_waits_for_one_that_has_answered(nursery: trio.Nursery, waiting: int) -> None:
    """From then on whatever comes passes by, also what waited."""
    inbox = StreamInbox(1)
    await inbox.put(part(0))
    for number in range(waiting):
        nursery.start_soon(inbox.put, part(number))
    await wait_all_tasks_blocked()
    inbox.stop_listening()
    await wait_all_tasks_blocked()
    assert not nursery.child_tasks
    with trio.fail_after(1):
        for number in range(5):
            await inbox.put(part(number))
