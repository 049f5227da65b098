"""The pages in a real Chromium: what scripts add, and that every page stands without them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
from playwright.sync_api import Browser, Page, expect

from runner.content import Change, change_event
from tests.support import demo
from tests.support.browser import browse
from tests.support.site import NOON, Running, World, listening, running

PAGES = ("/", "/live", "/thoughts", "/thoughts/2026-02-03-morning", "/nowhere")

CONTRAST = """() => {
  const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = parse(getComputedStyle(node).backgroundColor);
      if (color.length < 4 || color[3] > 0.99) return color;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest(".skip, noscript")) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.push(`${walker.currentNode.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return bad;
}"""


@contextmanager
def opened(browser: Browser, server: Running, path: str, **options: Any) -> Iterator[Page]:
    """A page whose every complaint fails the test."""
    complaints: list[str] = []
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(8000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(server.url + path)
    try:
        yield page
    finally:
        context.close()
    # a page that is not there, and a server that is away, are what some of these tests are about
    assert [text for text in complaints if not (path == "/nowhere" and "404" in text) and "net::ERR" not in text] == []


def do(function: Any, *arguments: Any) -> None:
    """Something on the loop's side, from the browser's thread."""
    trio.from_thread.run_sync(function, *arguments)


@pytest.fixture
def lived(world: World) -> World:
    demo.furnish(world)
    return world


async def test_a_session_is_seen_word_by_word(lived: World) -> None:
    """Deltas grow a block, its full text replaces them, tools fold their results, and the end has its line."""

    def say(event: str, **data: Any) -> None:
        do(demo.write, writer, event, data)

    def visit(browser: Browser) -> None:
        with opened(browser, server, "/live") as page:
            expect(page.get_by_text("Claudie is resting.")).to_be_visible()
            do(demo.wake, lived)
            say("session.start", session_id=demo.SESSION, model="rehearsal", turn=0)
            expect(page.get_by_text("Claudie is writing.")).to_be_visible()
            expect(page.locator("#status .tag")).to_have_text("rehearsal")
            for text, seen in (("The ", "The"), ("salt ", "The salt"), ("keps", "The salt keps")):
                say("session.delta", text=text)
                expect(page.locator(".said.open")).to_have_text(seen)
            say("session.text", text="The salt keeps.\n  <b>As written</b>")
            expect(page.locator(".said")).to_have_text("The salt keeps.\n  <b>As written</b>")
            expect(page.locator(".said.open")).to_have_count(0)
            say("session.tool", tool_name="Write", summary="Writing /thoughts/x.md", input="{}")
            expect(page.locator("details.tool.running")).to_contain_text("Writing /thoughts/x.md")
            say("session.tool_result", tool_name="Write", content="no room", is_error=True)
            tool = page.locator("details.tool.failed")
            expect(tool.locator(".result")).to_be_hidden()
            tool.locator("summary").click()
            expect(tool.locator(".result")).to_have_text("no room")
            do(lambda: setattr(lived, "memory", {"active": False}))
            say("session.end", **demo.END)
            expect(page.locator(".end")).to_have_text(re.compile(r"The session has ended\. 5 turns.*1 min.*rehearsal"))
            expect(page.get_by_text("Claudie is resting.")).to_be_visible()
            expect(page.locator(".said")).to_have_count(1)

    writer = lived.hub.writer()
    async with running(lived) as server:
        await browse(visit)


async def test_a_late_viewer_and_one_who_was_cut_off_see_the_whole(lived: World) -> None:
    """Joining in mid-session shows all of it once; after a restart of the server the page fills itself again."""

    def visit(browser: Browser) -> None:
        with opened(browser, server, "/live") as page:
            expect(page.locator(".said.open")).to_contain_text("What did the water")
            do(demo.write, writer, "session.delta", {"text": " say?"})
            expect(page.locator(".said.open")).to_contain_text("What did the water say?")
            expect(page.locator(".said")).to_have_count(3)
            expect(page.locator("details.tool")).to_have_count(2)
            do(server.stop.set)
            expect(page.locator("#connection")).to_contain_text("trying again")
            do(again.set)
            expect(page.locator("#connection")).to_be_empty()
            do(demo.write, writer, "session.text", {"text": "The water said yes."})
            expect(page.locator(".said").last).to_have_text("The water said yes.")
            expect(page.locator(".said")).to_have_count(3)

    writer = lived.hub.writer()
    demo.wake(lived)
    demo.write_session(writer)
    again, done = trio.Event(), trio.Event()

    async def next_incarnation() -> None:
        await again.wait()
        async with running(lived, sock=sock):
            await done.wait()

    with listening() as sock:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(next_incarnation)
            async with running(lived, sock=sock) as server:
                try:
                    await browse(visit)
                finally:
                    again.set()
                    done.set()


async def test_a_new_thought_is_there_at_once(lived: World) -> None:
    """The front page and the list show a new thought without being loaded again."""

    def publish() -> None:
        lived.rescan()
        writer.commit(*change_event(lived.catalogue, Change("thoughts", "2026-02-03-noon", "created"), lived.now))

    def visit(browser: Browser) -> None:
        for path, slug in (("/", "2026-02-03-noon"), ("/thoughts", "2026-02-03-dusk")):
            with opened(browser, server, path) as page:
                page.evaluate("window.same = true")
                lived.thought(slug, date="2026-02-03", title=f"The new one, {slug}")
                do(publish)
                expect(page.locator(".row-title").first).to_have_text(f"The new one, {slug}")
                assert page.evaluate("window.same")

    writer = lived.hub.writer()
    async with running(lived) as server:
        await browse(visit)


async def test_the_countdown_runs(lived: World) -> None:
    """At rest the time to the next wake counts down in seconds, in the visitor's browser."""

    def visit(browser: Browser) -> None:
        context = browser.new_context()
        page = context.new_page()
        page.clock.install(time=NOON)
        page.goto(server.url + "/live")
        digits = page.locator(".digits")
        expect(digits).to_have_text(re.compile(r"2:4[45]:\d\d"))
        page.clock.fast_forward(60_000)
        expect(digits).to_have_text(re.compile(r"2:4[34]:\d\d"))
        page.clock.fast_forward(3 * 3600_000)
        expect(digits).to_have_text("any moment now")
        context.close()

    async with running(lived) as server:
        await browse(visit)


async def test_every_page_reads_well_in_both_themes_and_on_a_phone(lived: World) -> None:
    """Contrast is at least 4.5:1 for every text, and nothing scrolls sideways at 390 pixels."""

    def visit(browser: Browser) -> None:
        for path in PAGES:
            for scheme in ("light", "dark"):
                with opened(browser, server, path, color_scheme=scheme, viewport={"width": 390, "height": 844}) as page:
                    assert page.evaluate(CONTRAST) == [], (path, scheme)
                    assert page.evaluate("document.documentElement.scrollWidth") <= 390, path

    demo.wake(lived)
    demo.write_session(lived.hub.writer())
    async with running(lived) as server:
        await browse(visit)


async def test_the_theme_is_chosen_and_kept(lived: World) -> None:
    """A click changes the colours in place, and the next page comes in them from its first byte."""

    def colour(page: Page) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    def visit(browser: Browser) -> None:
        with opened(browser, server, "/", color_scheme="light") as page:
            light = colour(page)
            with page.expect_response("**/theme"):
                page.get_by_role("button", name="dark").click()
            dark = colour(page)
            assert dark != light
            expect(page.get_by_role("button", name="dark")).to_have_attribute("aria-pressed", "true")
            page.goto(server.url + "/thoughts")
            assert page.evaluate("document.documentElement.dataset.theme") == "dark"
            assert colour(page) == dark
            with page.expect_response("**/theme"):
                page.get_by_role("button", name="system").click()
            assert colour(page) == light

    async with running(lived) as server:
        await browse(visit)


async def test_pages_work_without_scripts_and_with_keys(lived: World) -> None:
    """With scripts off pages are read and themes chosen; with them on the arrow keys turn the pages."""

    def visit(browser: Browser) -> None:
        with opened(browser, server, "/", java_script_enabled=False) as page:
            page.get_by_role("link", name="What the salt keeps").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("What the salt keeps")
            page.get_by_role("button", name="dark").click()
            expect(page.locator("html")).to_have_attribute("data-theme", "dark")
            expect(page).to_have_url(server.url + "/thoughts/2026-02-03-morning")
        with opened(browser, server, "/thoughts/2026-02-03-morning") as page:
            page.keyboard.press("ArrowLeft")
            expect(page.get_by_role("heading", level=1)).to_have_text("A list of small weathers")
            page.keyboard.press("ArrowRight")
            expect(page.get_by_role("heading", level=1)).to_have_text("What the salt keeps")
            page.keyboard.press("Tab")
            expect(page.locator(".skip")).to_be_focused()

    async with running(lived) as server:
        await browse(visit)
