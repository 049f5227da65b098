"""Pictures of the pages for the README: `python -m tests.screenshots FOLDER`."""

import sys
import tempfile
from pathlib import Path

import trio
from playwright.sync_api import Browser, Page

from tests.support import demo
from tests.support.browser import browse
from tests.support.site import NOON, Running, World, running

DESKTOP = (1120, 940)
PHONE = (390, 844)


async def take(out: Path) -> None:
    """A furnished home, first at rest, then awake."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), now=NOON)
        demo.furnish(world)
        async with running(world) as server:
            await browse(lambda browser: _at_rest(browser, server, out))
            demo.wake(world)
            demo.write_session(world.hub.writer())
            await browse(lambda browser: _awake(browser, server, out))


def _at_rest(browser: Browser, server: Running, out: Path) -> None:
    for theme in ("light", "dark"):
        for name, path in (("home", "/"), ("rest", "/live"), ("thoughts", "/thoughts"), ("missing", "/nowhere")):
            _shoot(browser, server, path, out / f"{name}-{theme}.png", theme=theme)
        _shoot(browser, server, "/thoughts/2026-02-03-morning", out / f"thought-{theme}.png", theme=theme)
    for name, path in (("home", "/"), ("rest", "/live"), ("thought", "/thoughts/2026-02-03-morning")):
        _shoot(browser, server, path, out / f"{name}-phone.png", theme="light", size=PHONE)


def _awake(browser: Browser, server: Running, out: Path) -> None:
    for theme in ("light", "dark"):
        _shoot(browser, server, "/live", out / f"live-{theme}.png", theme=theme)
    _shoot(browser, server, "/live", out / "live-phone.png", theme="dark", size=PHONE)
    _shoot(browser, server, "/", out / "home-awake-light.png", theme="light")


def _shoot(
    browser: Browser, server: Running, path: str, file: Path, *, theme: str, size: tuple[int, int] = DESKTOP
) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        device_scale_factor=1.5,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.clock.set_fixed_time(NOON)
    page.goto(server.url + path)
    _settle(page)
    page.screenshot(path=file, full_page=size == PHONE)
    context.close()


def _settle(page: Page) -> None:
    """Wait until the stream has brought what it had."""
    if page.url.endswith("/live") and page.locator("#hero[data-state=awake]").count():
        page.locator(".said.open").wait_for()
    page.wait_for_timeout(700)  # swaps come after a short quiet; a picture has no event to wait for
    if page.viewport_size is not None and page.viewport_size["width"] != PHONE[0]:
        page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    trio.run(take, folder)
