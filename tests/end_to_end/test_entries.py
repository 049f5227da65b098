"""An entry never vanishes: odd files of every sort through the shipped process, on every surface that shows entries."""

import os
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import trio

from tests.support.fixtures import Join
from tests.support.http_client import get
from tests.support.odd_entries import ENTRIES, LEFT_OUT, Odd
from tests.support.process import Running, command, scrubbed, start

WRITTEN = datetime(2026, 2, 1, 2, tzinfo=UTC).timestamp()
"""In New York it is still the last of January."""
WITHIN = 60.0


def put(home: Path, odd: Odd) -> None:
    """All at once, as old as a file of the table is."""
    path = home / f"{odd.name}.md"
    hidden = path.with_name(f".{path.name}.tmp")
    hidden.write_bytes(odd.content)
    os.utime(hidden, (WRITTEN, WRITTEN))
    hidden.rename(path)


def word(number: int) -> str:
    """One that stands in this file alone."""
    return f"zanzibar{number}q"


def with_words(odd: Odd, number: int) -> Odd:
    """The file with its own word at its end, in its own encoding."""
    text = f"\n{word(number)}\n"
    encoded = text.encode("utf-16-le") if odd.content.startswith(b"\xff\xfe") else text.encode()
    return Odd(odd.name, odd.content + encoded, odd.meta, odd.told)


async def test_every_file_that_a_person_would_call_an_entry_is_one(
    tmp_path: Path, nursery: trio.Nursery, join: Join
) -> None:
    """Told when it comes, in the list, by itself, on its page and found; what was guessed is told in three places."""
    home = tmp_path / "home"
    made = await command(scrubbed(home), "init", "--home", str(home))
    assert made.returncode == 0, made.stderr
    files = [with_words(odd, number) for number, odd in enumerate(ENTRIES)]
    early, late = files[::2], files[1::2]
    for odd in early:
        put(home, odd)
    (home / "thoughts" / "link.md").symlink_to("folded.md")
    (home / "thoughts" / "far.md").symlink_to("../runner/.env")
    linked = next(odd for odd in files if odd.slug == "folded")
    up = await start(nursery, home, SCHEDULER_ENABLED="false")
    stream = await join(up, "/api/v1/events/stream")
    for odd in (*late, *LEFT_OUT):
        put(home, odd)
    waiting = {(odd.kind, odd.slug) for odd in late}
    with trio.fail_after(WITHIN):
        while waiting:
            event = await stream.next()
            assert event is not None
            if event.name in ("thought.created", "dream.created"):
                waiting.discard((event.data["topic"], event.data["slug"]))
    await listed(up, files)
    await shown(up)
    one = (await get(up.host, up.port, "/api/v1/content/thoughts/link")).json()
    assert one["meta"] == linked.meta
    for odd in (*LEFT_OUT, Odd("thoughts/far", b"", {})):
        assert (await get(up.host, up.port, f"/api/v1/content/{odd.name}")).status == 404
    await told(up)
    assert await up.stop() == 0

    again = await start(nursery, home, SCHEDULER_ENABLED="false")
    await listed(again, files)
    assert not [line for line in again.stderr if "content." in line], "what was told once is no news at the next start"
    assert await again.stop() == 0


async def listed(up: Running, files: list[Odd]) -> None:
    """The lists have each file with the values that a person would read."""
    found = {}
    for kind in ("thoughts", "dreams"):
        for item in (await get(up.host, up.port, f"/api/v1/content/{kind}")).json():
            found[f"{kind}/{item.pop('slug')}"] = item
    assert {odd.name: found.get(odd.name) for odd in files} == {odd.name: dict(odd.meta) for odd in files}


async def shown(up: Running) -> None:
    """Details, pages and search show it too."""
    for number, odd in enumerate(ENTRIES):
        detail = (await get(up.host, up.port, f"/api/v1/content/{odd.name}")).json()
        assert detail["meta"] == odd.meta, odd.name
        assert word(number) in detail["content"], odd.name
        if odd.kind == "thoughts":
            page = await get(up.host, up.port, f"/{odd.name}")
            assert page.status == 200, odd.name
            assert escape(str(odd.meta["title"])).encode() in page.body, odd.name
        found = (await get(up.host, up.port, f"/api/v1/search?q={word(number)}&type=everything")).json()
        slugs = {hit["slug"] for hit in found["results"]}
        assert odd.slug in slugs, odd.name


async def told(up: Running) -> None:
    """The log at the time, the operator by `doctor`, the resident in its next prompt: each what had to be guessed."""
    odd = [entry for entry in (*ENTRIES, *LEFT_OUT) if entry.told]
    log = [line for line in up.stderr if "content.guessed" in line or "content.left_out" in line]
    more = [line for line in up.stderr if "content.more_guessed" in line]
    named = [entry for entry in odd if any(f"{entry.name}.md" in line and _in(entry.told, line) for line in log)]
    assert len(named) >= len(odd) // 2 or more
    fine = [entry for entry in ENTRIES if not entry.told]
    assert not [entry.name for entry in fine if any(f"{entry.name}.md" in line for line in log)]
    doctor = {row["what"]: row for row in (await up.json("doctor"))}["entries"]
    assert doctor["verdict"] == "notice"
    assert f"{len(odd) + 1} files are not as they should be" in doctor["text"]
    prompt = await up.command("wake", "noon", "--dry-run", "--offline")
    assert prompt.returncode == 0, prompt.stderr
    assert "house notes" in prompt.stdout
    assert f"and {len(odd) + 1 - 5} more" in prompt.stdout
    assert "is left out" in prompt.stdout


def _in(words: str, line: str) -> bool:
    return words in line.replace('\\"', '"')
