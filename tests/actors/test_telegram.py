"""Telegram: an unreachable or unwilling service is a state of the actor, never a crash."""

import json
from functools import partial

import h11
import pytest
import trio
import trio.testing

from actors.protocol import Work
from actors.telegram import Telegram
from runner.kernel import ActorContext, Mailbox

KNOWN_WITHIN = 10.0


async def bot_api(stream: trio.SocketStream, *, status: int, answer: object) -> None:
    """A Bot API that gives one answer to everything."""
    wire = h11.Connection(h11.SERVER)
    async with stream:
        while wire.next_event() is h11.NEED_DATA:
            wire.receive_data(await stream.receive_some())
        body = json.dumps(answer).encode()
        head = h11.Response(status_code=status, headers=[("content-length", str(len(body)))])
        parts = (head, h11.Data(data=body), h11.EndOfMessage())
        await stream.send_all(b"".join(wire.send(part) or b"" for part in parts))


@pytest.mark.parametrize(
    ("status", "answer", "standing"),
    [
        (200, {"ok": True, "result": {"username": "lamp_bot"}}, "connected as @lamp_bot"),
        (401, {"ok": False}, "refused: the Bot API does not know this token; check TELEGRAM_BOT_TOKEN"),
        (502, {"ok": False}, "unreachable: the Bot API answered 502"),
    ],
)
async def test_it_knows_how_the_service_stands(
    nursery: trio.Nursery, status: int, answer: object, standing: str
) -> None:
    """Each answer of the Bot API becomes a standing in words, and the actor lives on."""
    listeners = await nursery.start(
        partial(trio.serve_tcp, partial(bot_api, status=status, answer=answer), 0, host="127.0.0.1")
    )
    port = listeners[0].socket.getsockname()[1]
    box: Mailbox[Work] = Mailbox("telegram", capacity=4)
    actor = Telegram(box, f"http://127.0.0.1:{port}", "123:abc")
    context = ActorContext(name="telegram", number=1)
    nursery.start_soon(actor.run, context)
    with trio.fail_after(KNOWN_WITHIN):
        while actor.standing == "connecting":
            await trio.sleep(0.01)
    assert actor.standing == standing
    box.ref.tell(Work())
    await trio.testing.wait_all_tasks_blocked()
    assert box.statistics().done + box.statistics().in_hand == 1
    nursery.cancel_scope.cancel()


async def test_a_service_that_is_not_there_is_no_crash(nursery: trio.Nursery) -> None:
    """With nobody listening the actor says unreachable and goes on trying."""
    box: Mailbox[Work] = Mailbox("telegram", capacity=4)
    actor = Telegram(box, "http://127.0.0.1:9", "123:abc")
    nursery.start_soon(actor.run, ActorContext(name="telegram", number=1))
    with trio.fail_after(KNOWN_WITHIN):
        while actor.standing == "connecting":
            await trio.sleep(0.01)
    assert actor.standing == "unreachable: ConnectError"
    nursery.cancel_scope.cancel()
