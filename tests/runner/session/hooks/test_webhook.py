"""The webhook against a real server on loopback: which tags, when, and what is a failure."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import h11
import pytest
import trio

from runner.session.hooks import echoes, revalidation
from runner.session.hooks.base import HookContext, HookFailedError, NotDueError, Step, Verdict
from tests.runner.session.hooks.context import context_for
from tests.runner.session.stage import make_home


@attrs.define(eq=False)
class Site:
    """Answers each POST with the next status; the last one again and again."""

    statuses: list[int] = attrs.field(factory=lambda: [200])
    location: str = "/elsewhere"
    asked: list[tuple[str, str, Any]] = attrs.field(factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/revalidate"

    @property
    def tags(self) -> list[list[str]]:
        return [body["tags"] for _, _, body in self.asked]

    async def answer(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        body, request = b"", None
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some(65536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return
        assert request is not None
        secret = dict(request.headers).get(b"x-revalidate-secret", b"").decode()
        self.asked.append((request.target.decode(), secret, json.loads(body)))
        status = self.statuses[min(len(self.asked), len(self.statuses)) - 1]
        headers = [("content-length", "2"), ("location", self.location), ("connection", "close")]
        await stream.send_all(connection.send(h11.Response(status_code=status, headers=headers)) or b"")
        await stream.send_all(
            (connection.send(h11.Data(data=b"{}")) or b"") + (connection.send(h11.EndOfMessage()) or b"")
        )
        await stream.aclose()


@asynccontextmanager
async def site(*statuses: int) -> AsyncIterator[Site]:
    made = Site(list(statuses) or [200])
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, made.answer, 0, host="127.0.0.1"))
        made.port = listeners[0].socket.getsockname()[1]
        yield made
        nursery.cancel_scope.cancel()


class Echoing:
    """An index that has just made echoes."""

    async def perform(self, step: Step, *, session_id: str) -> None:
        assert (step, session_id) == ("echoes", "20260302-090000")


def prepared(tmp_path: Path, url: str, **changes: Any) -> tuple[Path, HookContext]:
    home = make_home(tmp_path)
    (home / "thoughts" / "gone.md").write_text("x")
    context = context_for(home, {"webhook.url": url, "webhook.secret": "s3cret"}, **changes)
    context.before.keep(home, [])
    return home, context


async def test_changed_content_is_told_by_its_tags(tmp_path: Path) -> None:
    """New, written and deleted files count; folders have their tags; the secret goes along; private folders don't."""
    async with site() as there:
        home, context = prepared(tmp_path, there.url)
        (home / "thoughts" / "gone.md").unlink()
        for name in ("landing-summary/current.md", "sandbox/deep/er/x.py", "visitor-greeting/g.md", "essays/no.txt"):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text("x")
        (home / "memory" / "memory.md").write_text("private")
        assert await revalidation.run(context) is Verdict.DONE
        assert there.asked == [("/api/revalidate", "s3cret", {"tags": ["landing", "sandbox", "thoughts", "visitors"]})]


async def test_the_second_telling_has_echoes_and_what_changed_since(tmp_path: Path) -> None:
    """After the echoes: their tag, and those of files that other hooks wrote meanwhile; done twice, nothing new."""
    async with site() as there:
        home, context = prepared(tmp_path, there.url, index=Echoing())
        (home / "dreams" / "d.md").write_text("x")
        assert await revalidation.run(context) is Verdict.DONE
        (home / "thoughts" / "gone.md").write_text("now with a title")
        assert await echoes.run(context) is Verdict.DONE
        assert there.tags == [["dreams"], ["echoes", "thoughts"]]


async def test_without_an_index_late_changes_are_still_told(tmp_path: Path) -> None:
    """The hook is not due and says so, and a title added after the first telling is told all the same."""
    async with site() as there:
        home, context = prepared(tmp_path, there.url)
        with pytest.raises(NotDueError, match="no content changed"):
            await revalidation.run(context)
        with pytest.raises(NotDueError, match="no semantic index yet"):
            await echoes.run(context)
        (home / "thoughts" / "gone.md").write_text("now with a title")
        with pytest.raises(NotDueError, match="no semantic index yet"):
            await echoes.run(context)
        assert there.tags == [["thoughts"]]


async def test_a_failed_first_telling_is_made_up_for(tmp_path: Path) -> None:
    """A 401 is not tried again; its tags come with the second telling."""
    async with site(401, 200) as there:
        home, context = prepared(tmp_path, there.url, index=Echoing())
        (home / "dreams" / "d.md").write_text("x")
        with pytest.raises(HookFailedError, match="answered 401 to the tags dreams"):
            await revalidation.run(context)
        assert await echoes.run(context) is Verdict.DONE
        assert there.tags == [["dreams"], ["dreams", "echoes"]]


@pytest.mark.parametrize(("statuses", "tries", "well"), [((503, 200), 2, True), ((500, 502, 200), 2, False)])
async def test_a_server_in_trouble_gets_one_more_try(
    tmp_path: Path, statuses: tuple[int, ...], tries: int, well: bool
) -> None:
    """Once more and no more; then it is a failure with the status in it."""
    async with site(*statuses) as there:
        home, context = prepared(tmp_path, there.url)
        (home / "dreams" / "d.md").write_text("x")
        if well:
            assert await revalidation.run(context) is Verdict.DONE
        else:
            with pytest.raises(HookFailedError, match="502"):
                await revalidation.run(context)
        assert len(there.asked) == tries


async def test_a_redirect_is_followed_with_its_body_and_never_to_another_host(tmp_path: Path) -> None:
    """The tags arrive at the new path; the secret stays with the host that the operator named."""
    async with site(301, 200) as there:
        home, context = prepared(tmp_path, there.url)
        (home / "dreams" / "d.md").write_text("x")
        assert await revalidation.run(context) is Verdict.DONE
        assert [path for path, _, _ in there.asked] == ["/api/revalidate", "/elsewhere"]
        assert there.tags == [["dreams"]] * 2
    async with site(307) as there:
        there.location = "http://localhost:1/"
        home, context = prepared(tmp_path / "second", there.url)
        (home / "dreams" / "d.md").write_text("x")
        with pytest.raises(HookFailedError, match="another host"):
            await revalidation.run(context)
        assert len(there.asked) == 1


async def test_nobody_to_tell(tmp_path: Path) -> None:
    """Without a url, or when nobody looked before the session, it is not due; a closed port is a failure."""
    home, context = prepared(tmp_path, "")
    with pytest.raises(NotDueError, match="VERCEL_REVALIDATE_URL"):
        await revalidation.run(context)
    unseen = context_for(home, {"webhook.url": "http://127.0.0.1:9/"}, stream=tmp_path / "none" / "stream.jsonl")
    with pytest.raises(NotDueError, match="nobody looked"):
        await revalidation.run(unseen)
    (home / "dreams" / "d.md").write_text("x")
    with pytest.raises(HookFailedError, match="not reached"):
        await revalidation.run(context_for(home, {"webhook.url": "http://127.0.0.1:9/"}))
