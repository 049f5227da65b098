"""A real Chromium for tests: Debian's, or the one named by CHROMIUM."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio
from playwright.sync_api import Browser, sync_playwright

T = TypeVar("T")

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]


def find_chromium() -> str:
    """The browser's path; tests fail without one, they don't skip."""
    named = os.environ.get("CHROMIUM")
    for name in (named, "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise RuntimeError("no Chromium found; `make setup-test` installs one, or CHROMIUM names it")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Blocking: for a thread of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


async def browse(visit: Callable[[Browser], T]) -> T:
    """Let `visit` use a browser in a thread, while the loop goes on serving."""

    def work() -> T:
        with chromium() as browser:
            return visit(browser)

    return await trio.to_thread.run_sync(work)
