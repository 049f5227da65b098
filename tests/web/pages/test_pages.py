"""The pages as the server writes them: readable without scripts."""

import json
import re
from typing import Any

import pytest

from runner.live import SessionView
from tests.support import demo
from tests.support.site import Viewer, World, running
from web.pages.live import blocks_of, model_of

PAGES = ("/", "/live", "/thoughts", "/thoughts/2026-02-03-morning", "/nowhere")


def view(*events: tuple[str, Any], open_text: str = "") -> SessionView:
    return SessionView("s", tuple((name, json.dumps(data).encode()) for name, data in events), open_text, ended=False)


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_whole(world: World, path: str) -> None:
    """Landmarks, a title, one h1, a language, a strict policy, and nothing inline."""
    demo.furnish(world)
    async with running(world) as server:
        found = await server.get(path)
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    policy = found.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    text = found.text
    for part in ('<html lang="en"', "<title>", "<main", "<header", "<footer", 'href="#main"', 'aria-label="Pages"'):
        assert part in text
    assert text.count("<h1") == 1
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", text)


async def test_pages_have_etags(world: World) -> None:
    """A page that did not change is a 304, and differs by the theme in the cookie."""
    demo.furnish(world)
    async with running(world) as server:
        first = await server.get("/thoughts")
        same = await server.get("/thoughts", f"If-None-Match: {first.headers['etag']}")
        dark = await server.get("/thoughts", f"If-None-Match: {first.headers['etag']}", "Cookie: theme=dark")
        odd = await server.get("/thoughts", "Cookie: theme=<script>")
    assert same.status == 304
    assert first.headers["vary"] == "Cookie, Accept-Encoding"
    assert dark.status == 200
    assert '<html lang="en" data-theme="dark">' in dark.text
    assert odd.body == first.body


async def test_the_front_page_at_rest(world: World) -> None:
    """A greeting by the home's hour, the next wake with its time, the five latest thoughts."""
    demo.furnish(world)
    async with running(world) as server:
        text = (await server.get("/")).text
    assert "Good afternoon." in text
    assert "Resting" in text
    assert "in 2 h 45 min" in text
    assert re.findall(r'<span class="row-title">([^<]+)', text)[0] == "What the salt keeps"
    assert text.count('class="row-title"') == 5
    assert "All 6 thoughts" in text


async def test_the_front_page_awake(world: World) -> None:
    """Awake it says what session it is and leads to the live page; a rehearsal is called one."""
    demo.wake(world)
    async with running(world) as server:
        text = (await server.get("/")).text
    assert "Awake" in text
    assert "in the noon session" in text
    assert "rehearsal" in text
    assert 'href="/live"' in text


async def test_empty_pages_say_so(world: World) -> None:
    """With nothing written and nothing planned every page still has words."""
    async with running(world) as server:
        home, thoughts, live = [(await server.get(path)).text for path in ("/", "/thoughts", "/live")]
    assert "No thought has been written down yet" in home
    assert "No wake is planned" in home
    assert "No thought has been written down yet" in thoughts
    assert "No wake is planned" in live


async def test_the_list_is_by_day(world: World) -> None:
    """Thoughts stand under their day, the newest first, dates in words."""
    demo.furnish(world)
    async with running(world) as server:
        text = (await server.get("/thoughts")).text
    assert [*re.findall(r'<h2><time datetime="([^"]+)', text)] == [
        "2026-02-03",
        "2026-02-02",
        "2026-02-01",
        "2026-01-31",
        "2026-01-30",
    ]
    assert "Tuesday, 3 February 2026" in text


async def test_one_thought(world: World) -> None:
    """Its title, day, mood and text, and the way to the older and the newer one."""
    demo.furnish(world)
    async with running(world) as server:
        first = (await server.get("/thoughts/2026-02-03-morning")).text
        middle = (await server.get("/thoughts/2026-02-01-late-night")).text
        missing = await server.get("/thoughts/nothing")
        climbing = await server.get("/thoughts/..")
    assert "<strong>salt</strong>" in first
    assert "<table>" in first
    assert "quiet, held" in first
    assert 'rel="prev" href="/thoughts/2026-02-02-noon"' in first
    assert '<a rel="next"' not in first
    assert '<a rel="next" href="/thoughts/2026-02-02-dusk"' in middle
    assert (missing.status, climbing.status) == (404, 404)
    assert "Nothing here" in missing.text


async def test_strangers_markup_is_text(world: World) -> None:
    """What stands in titles, moods and texts is shown, never run."""
    nasty = '"<script>alert(1)</script>"'
    world.write("thoughts/x.md", f"---\ndate: 2026-02-03\ntitle: {nasty}\nmood: {nasty}\n---\n{nasty}\n")
    world.rescan()
    writer = world.hub.writer()
    demo.write(writer, "session.text", {"text": nasty})
    demo.write(writer, "session.tool", {"tool_name": nasty, "summary": nasty, "input": nasty})
    async with running(world) as server:
        for path in ("/", "/thoughts", "/thoughts/x", "/live"):
            text = (await server.get(path)).text
            assert "<script>alert" not in text
            assert "&lt;script&gt;" in text


async def test_the_live_page_without_scripts(world: World) -> None:
    """All that is written so far is on the page, the open block marked, and it fetches itself again."""
    demo.furnish(world)
    demo.wake(world)
    demo.write_session(world.hub.writer())
    async with running(world) as server:
        text = (await server.get("/live")).text
        demo.write(world.hub.writer(), "session.end", demo.END)
        world.memory = {"active": False}
        ended = (await server.get("/live")).text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert "two waters argue" in text
    assert '<div class="said open">It is on the page now.' in text
    assert text.count("<details") == 2
    assert "saved, 214 words" in text
    assert "Claudie is writing." in text
    assert "Claudie is resting." in ended
    assert re.search(r"The session has ended.</span> 5 turns.*1 min.*rehearsal", ended, re.DOTALL)
    assert "until <em>afternoon</em>, at 15:00" in ended
    assert "late night" in ended


def test_blocks_of_a_session() -> None:
    """Results go to the first use of their tool that has none; gaps stand where events are missing."""
    blocks = blocks_of(
        view(
            ("session.start", {"model": "m"}),
            ("session.tool", {"tool_name": "Read"}),
            ("session.tool", {"tool_name": "Write"}),
            ("session.tool_result", {"tool_name": "Write", "content": "w"}),
            ("session.tool_result", {"tool_name": "", "content": "r"}),
            ("session.tool_result", {"tool_name": "Read", "content": "nobody's"}),
            ("gap", {"count": 3}),
            ("session.note", {}),
            ("session.text", []),
            open_text="so far",
        )
    )
    assert [(block.form, block.result and block.result["content"]) for block in blocks] == [
        ("tool", "r"),
        ("tool", "w"),
        ("gap", None),
        ("text", None),
        ("open", None),
    ]
    assert blocks_of(None) == []


def test_the_model_of_a_session() -> None:
    """It is the one that the session's start names."""
    assert model_of(view(("session.text", {}), ("session.start", {"model": "rehearsal"}))) == "rehearsal"
    assert model_of(view()) == model_of(None) == ""


@pytest.mark.parametrize(
    ("form", "location", "cookie"),
    [
        ("theme=dark&back=/live", "/live", "theme=dark"),
        ("theme=system&back=/", "/", "theme=;"),
        ("theme=odd&back=//evil.example", "/", "theme=;"),
        ("theme=light&back=https://evil.example", "/", "theme=light"),
        ("theme=light&back=/a%0d%0aX: y", "/", "theme=light"),
        ("", "/", "theme=;"),
    ],
)
async def test_the_theme_works_as_a_form(world: World, form: str, location: str, cookie: str) -> None:
    """Without scripts the choice is kept in a cookie and leads back to a page of ours, never elsewhere."""
    async with running(world) as server:
        found = await server.get(
            "/theme", "Content-Type: application/x-www-form-urlencoded", method="POST", body=form.encode() or b"a=b"
        )
    assert found.status == 303
    assert found.headers["location"] == location
    assert found.headers["set-cookie"].startswith(cookie)


async def test_a_wrong_start_time_is_left_out(world: World) -> None:
    """A status without a usable start shows no running time, and the page stands."""
    world.memory = {"active": True, "type": "visit", "started_at": "lunch", "phase": "hooks"}
    async with running(world) as server:
        text = (await server.get("/live")).text
    assert "data-since" not in text
    assert "settling down" in text


async def test_updates_tell_pages_what_changed(world: World) -> None:
    """Our pages' own stream has starts, ends and changes of files, and nothing of what is written."""
    keyed = World(world.home, {"http.api_key": "secret"})
    async with running(keyed) as server:
        viewer = await Viewer.join(server, "/updates")
        writer = keyed.hub.writer()
        for event in ("session.start", "session.text", "session.delta", "session.end"):
            writer.commit("session", event, b"{}", session="s")
        writer.commit("thoughts", "thought.created", b"{}")
        writer.commit("system", "system.note", b"{}")
        assert [name for name, _ in await viewer.events(3)] == ["session.start", "session.end", "thought.created"]
