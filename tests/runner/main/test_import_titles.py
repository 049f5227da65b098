"""The predecessor's registry of titles, in all the states it can be in."""

import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from runner.ledger import Ledger, Title
from runner.main.import_titles import import_registry, read_registry
from tests.support.ledger import inline, open_ledger

ENTRY = {
    "title": "salt and hours",
    "model": "m",
    "created": "2026-02-03T19:00:00.120Z",
    "originalPath": "thoughts/x.md",
}


def put(path: Path, memories: Any) -> Path:
    path.write_text(json.dumps({"registryVersion": 1, "memories": memories}))
    return path


async def take(ledger: Ledger, path: Path) -> None:
    await import_registry(ledger.titles, path, inline, structlog.get_logger())


async def test_it_is_taken_over_once(tmp_path: Path) -> None:
    """Its entries are there afterwards; what is written into the file later is not looked at."""
    ledger = await open_ledger(tmp_path)
    path = put(tmp_path / "registry.json", {"h": ENTRY})
    before = path.read_bytes()
    await take(ledger, path)
    expected = Title("h", "salt and hours", "m", "2026-02-03T19:00:00.120Z", "thoughts/x.md")
    assert await ledger.titles.get("h") == expected
    assert path.read_bytes() == before
    put(path, {"later": ENTRY})
    await take(ledger, path)
    assert await ledger.titles.get("later") is None
    await ledger.close()


def test_odd_entries_are_left_out(tmp_path: Path) -> None:
    """Each by itself; the others are taken."""
    odd = [None, {}, {**ENTRY, "title": 1}, {**ENTRY, "created": "once"}, {**ENTRY, "model": "\ud800"}]
    path = put(tmp_path / "registry.json", {"h": ENTRY, **{f"odd{number}": value for number, value in enumerate(odd)}})
    found, left_out = read_registry(path)
    assert ([title.hash for title in found], left_out) == (["h"], len(odd))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"memories": []}', "[" * 100_000, "\udcff"])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    """What can't be read is one thing left out, and no error."""
    path = tmp_path / "registry.json"
    path.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    assert read_registry(path) == ([], 1)


def test_no_file(tmp_path: Path) -> None:
    """A new home has none."""
    assert read_registry(tmp_path / "none") == ([], 0)
