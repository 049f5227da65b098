"""The digest of the memory, made by the real SDK against a scripted Messages API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from runner.session.hooks import compile_memory
from runner.session.hooks.base import HookContext, HookFailedError, NotDueError, Verdict
from tests.runner.session.hooks.context import ENDED, context_for
from tests.runner.session.stage import in_thread, make_home
from tests.support.ledger import open_ledger
from tests.support.messages_api import Answer, MessagesApi, Refuse, Say, Turn, text


@attrs.define(eq=False)
class Desk:
    home: Path
    api: MessagesApi
    context: HookContext

    @property
    def digest(self) -> Path:
        return self.home / "data" / "compiled-memory.md"


@asynccontextmanager
async def desk(tmp_path: Path, *answers: Answer, **overrides: object) -> AsyncIterator[Desk]:
    home = make_home(tmp_path)
    ledger = await open_ledger(home)
    api = MessagesApi(list(answers) or [text("# Digest")], every=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(api.serve)
        keys: dict[str, Any] = {"anthropic.api_key": "k-1", "anthropic.base_url": api.url, **overrides}
        yield Desk(home, api, context_for(home, keys, ledger=ledger, run_sync=in_thread))
        nursery.cancel_scope.cancel()
    await ledger.close()


async def test_the_memory_files_become_one_digest(tmp_path: Path) -> None:
    """All of them by name under headings, without identity and README; our instructions; its cost is booked."""
    async with desk(tmp_path) as d:
        for name in ("b.md", "identity.md", "README.md", "c.txt"):
            (d.home / "memory" / name).write_text(f"text of {name}")
        assert await compile_memory.run(d.context) is Verdict.DONE
        assert d.digest.read_text() == "# Digest\n"
        (asked,) = d.api.requests
        assert (asked["model"], asked["max_tokens"]) == ("claude-haiku-4-5-20251001", 8000)
        assert asked["messages"][0]["content"] == (
            "## b.md (12 characters)\n\ntext of b.md\n\n## memory.md (29 characters)\n\nThe kettle is called kestrel."
        )
        assert "You condense the memory" in str(asked["system"])
        totals = await d.context.ledger.spend.totals(ENDED)
        assert totals.day_tokens == 150
        assert totals.day_usd == pytest.approx((120 + 5 * 30) / 1e6)


async def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    """Unchanged files are not due, over a restart too; a changed one, or a lost digest, is."""
    async with desk(tmp_path, text("first"), text("second"), text("third")) as d:
        assert await compile_memory.run(d.context) is Verdict.DONE
        with pytest.raises(NotDueError, match="as they were"):
            await compile_memory.run(d.context)
        (d.home / "memory" / "memory.md").write_text("new")
        assert await compile_memory.run(d.context) is Verdict.DONE
        d.digest.unlink()
        assert await compile_memory.run(d.context) is Verdict.DONE
        assert d.digest.read_text() == "third\n"
        assert len(d.api.requests) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Turn((Say("half"),), stop_reason="max_tokens"), "did not fit"),
        (Turn((Say(" "),)), "0 characters"),
        (Refuse(401, "authentication_error"), "could not be asked"),
    ],
)
async def test_a_failure_leaves_the_old_digest(tmp_path: Path, answer: Answer, words: str) -> None:
    """Cut off, empty or refused: failed, the digest as before, and it is tried again next time."""
    async with desk(tmp_path, answer, text("later")) as d:
        d.digest.write_text("old")
        with pytest.raises(HookFailedError, match=words):
            await compile_memory.run(d.context)
        assert d.digest.read_text() == "old"
        assert await compile_memory.run(d.context) is Verdict.DONE
        assert d.digest.read_text() == "later\n"


async def test_a_digest_that_is_far_too_long_is_cut_at_a_line(tmp_path: Path) -> None:
    """It stands in every prompt: thirty-two thousand characters and not more."""
    async with desk(tmp_path, text("line of digest\n" * 4000)) as d:
        assert await compile_memory.run(d.context) is Verdict.DONE
        assert 31_000 < len(d.digest.read_text()) <= compile_memory.ROOM
        assert d.digest.read_text().endswith("line of digest\n")


async def test_without_a_key_notes_or_money_nobody_is_asked(tmp_path: Path) -> None:
    """Each is a reason of its own, and none costs anything."""
    async with desk(tmp_path, **{"budget.day_usd": 0.001}) as d:
        with pytest.raises(NotDueError, match="budget of the day"):
            await compile_memory.run(d.context)
        with pytest.raises(NotDueError, match="ANTHROPIC_API_KEY"):
            await compile_memory.run(context_for(d.home))
        (d.home / "memory" / "memory.md").unlink()
        with pytest.raises(NotDueError, match="no memory files"):
            await compile_memory.run(d.context)
        assert d.api.requests == []


async def test_more_than_the_model_can_read_leaves_out_the_oldest(tmp_path: Path, monkeypatch: Any) -> None:
    """What was written last is sent whole, the oldest is cut."""
    monkeypatch.setattr(compile_memory, "WINDOW", 12)
    async with desk(tmp_path) as d:
        (d.home / "memory" / "zz.md").write_text("newest one")
        assert await compile_memory.run(d.context) is Verdict.DONE
        sent = d.api.requests[0]["messages"][0]["content"]
        assert sent == "## memory.md (2 characters)\n\nTh\n\n## zz.md (10 characters)\n\nnewest one"
