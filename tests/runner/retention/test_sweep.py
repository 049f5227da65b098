"""What goes, what stays, and what is only counted."""

import gzip
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from runner.retention import plan as planned
from runner.retention.nightly import Nightly
from runner.retention.plan import FileFacts, RetentionRule, plan, too_old
from runner.retention.sweep import log, steps
from runner.settings import Settings, load_settings
from runner.storage import files
from tests.support.ledger import inline, open_ledger

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
"""Half past three in New York."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"home": tmp_path}, {}).settings


def put(path: Path, days: float, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))
    return path


def sweep(settings: Settings, *, dry_run: bool = False) -> dict[str, tuple[int, int]]:
    return {step.name: (result.count, result.failed) for step in steps(settings, NOW, dry_run=dry_run)
            for result in [step.run()]}  # fmt: skip


def left(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def test_whole_days_are_counted() -> None:
    """A file goes when it is strictly more than the number of whole days old: at 31 days, not an hour before."""
    hour = timedelta(hours=1)
    for age, gone in ((timedelta(days=30), False), (timedelta(days=31) - hour, False), (timedelta(days=31), True)):
        assert too_old((NOW - age).timestamp(), 30, NOW) is gone
    assert not too_old((NOW + timedelta(days=99)).timestamp(), 30, NOW)


def test_what_a_power_cut_left_half_written_goes_after_a_day(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever in the home it lies; what is named otherwise, is younger, or lies behind a link, stays."""

    def cut(*_: Path) -> None:
        raise KeyboardInterrupt

    for folder in ("data", "mailbox/mira", "thoughts"):
        (tmp_path / folder).mkdir(parents=True)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", cut)
            patched.setattr(Path, "unlink", cut)  # the process is gone: it tidies nothing up
            with pytest.raises(KeyboardInterrupt):
                files.write_atomic(tmp_path / folder / "note.md", "half")
    halves = {path: path.name for path in tmp_path.rglob(".note.md.*.tmp")}
    assert len(halves) == 3
    for path in halves:
        put(path, 1)
    elsewhere = put(tmp_path.parent / f"{tmp_path.name}-elsewhere" / files.temporary_name("a"), 99)
    (tmp_path / "sandbox").symlink_to(elsewhere.parent)
    kept = [
        put(tmp_path / "data" / files.temporary_name("fresh.json"), 0.99),
        put(tmp_path / "data" / ".mood-history.jsonl.before-sweep.tmp", 99),
        put(tmp_path / "projects" / ".mine.tmp", 99),
        put(tmp_path / "projects" / "a.0123456789ab.tmp", 99),
        elsewhere,
    ]
    assert sweep(settings, dry_run=True)["temporary files"] == (3, 0)
    assert all(path.exists() for path in halves)
    assert sweep(settings)["temporary files"] == (3, 0)
    assert not any(path.exists() for path in halves)
    assert all(path.exists() for path in kept)


def test_the_plan_takes_the_named_and_old_oldest_first() -> None:
    """Other names stay whatever their age."""
    rule = RetentionRule("r", Path("/f"), ("*.md", "a*.gz"), 10)
    ages = {"a.md": 12, "b.md": 20, "c.txt": 99, "new.md": 10.5, "b.gz": 99, "a.gz": 11}
    found = [FileFacts(Path("/f") / name, (NOW - timedelta(days=days)).timestamp()) for name, days in ages.items()]
    assert [path.name for path in plan(rule, found, NOW)] == ["b.md", "a.md", "a.gz"]


def test_old_things_go_and_everything_else_stays(tmp_path: Path, settings: Settings) -> None:
    """Archive, moderation, transcripts, logs and pictures by their ages; the life itself is not touched at any age."""
    kept = {
        "visitors/archive/2026-02/new.md": 30.5,
        "visitors/archive/2025-12/note.txt": 99,
        "visitors/inbox.md": 999,
        "moderation/new.json": 30,
        "moderation/readme.md": 99,
        "transcripts/session-new.md": 30.5,
        "logs/session-new.log": 180,
        "logs/other.log": 999,
        "telegram/images/new.jpg": 365,
        "conversations/old.md": 9999,
        "mailbox/mira/thread.jsonl": 9999,
        "mailbox/mira/attachments/a.jpg": 9999,
        "thoughts/old.md": 9999,
        "data/self-schedule.json": 9999,
    }
    gone = {
        "visitors/archive/2026-01/old.md": 31,
        "visitors/archive/2025-01/deep/er/old.md": 400,
        "moderation/old.json": 31,
        "transcripts/session-old.md": 181,
        "transcripts/session-packed.md.gz": 181,
        "logs/session-old.log": 181,
        "logs/talk-old.log": 181,
        "telegram/images/old.jpg": 366,
    }
    for name, days in (kept | gone).items():
        put(tmp_path / name, days)
    outside = put(tmp_path.parent / f"{tmp_path.name}-outside" / "old.md", 999)
    (tmp_path / "visitors" / "archive" / "link").symlink_to(outside.parent)
    before = left(tmp_path)
    counts = sweep(settings, dry_run=True)
    assert left(tmp_path) == before
    assert sweep(settings) == counts
    assert left(tmp_path) == set(kept)
    assert outside.exists()
    assert not (tmp_path / "visitors" / "archive" / "2026-01").exists()
    assert not (tmp_path / "visitors" / "archive" / "2025-01").exists()
    assert (counts["visitors archive"], counts["moderation"], counts["session logs"]) == ((2, 0), (1, 0), (2, 0))
    assert all(count == (0, 0) for count in sweep(settings).values())


def test_transcripts_are_packed_after_a_month(tmp_path: Path, settings: Settings) -> None:
    """The packed file has the text, the time and the permissions of the one it replaces."""
    path = put(tmp_path / "transcripts" / "session-a.md", 40, "words\n" * 100)
    path.chmod(0o640)
    facts = path.stat()
    assert sweep(settings)["transcripts to pack"] == (1, 0)
    packed = tmp_path / "transcripts" / "session-a.md.gz"
    assert gzip.decompress(packed.read_bytes()).decode() == "words\n" * 100
    assert (packed.stat().st_mtime_ns, packed.stat().st_mode) == (facts.st_mtime_ns, facts.st_mode)
    assert not path.exists()


def test_missing_folders_are_fine(settings: Settings) -> None:
    """A home without any of the folders sweeps to nothing."""
    assert set(sweep(settings).values()) == {(0, 0)}


def test_what_cannot_go_is_counted(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file that resists is told, and the others go."""
    for name in ("a", "stuck", "c"):
        put(tmp_path / "moderation" / f"{name}.json", 99)
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.name == "stuck.json":
            raise PermissionError
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    assert sweep(settings)["moderation"] == (2, 1)
    assert left(tmp_path) == {"moderation/stuck.json"}


def test_long_logs_turn_over_and_five_are_kept(tmp_path: Path, settings: Settings) -> None:
    """A log over 5 MiB becomes `.1`, the older move on, and the sixth falls off."""
    for generation in range(1, 6):
        put(tmp_path / "logs" / f"web.log.{generation}", 0, str(generation))
    put(tmp_path / "logs" / "web.log", 0, "0" * (5 * 1024 * 1024 + 1))
    put(tmp_path / "logs" / "api.log", 0, "0" * (5 * 1024 * 1024))
    assert sweep(settings)["logs"] == (1, 0)
    assert left(tmp_path) == {"logs/api.log", *(f"logs/web.log.{number}" for number in range(1, 6))}
    assert [(tmp_path / "logs" / f"web.log.{number}").read_text()[0] for number in range(1, 6)] == list("01234")


def test_histories_keep_their_newest_lines(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is over the cap goes, from the old end, and the file stays the same file."""
    monkeypatch.setattr("runner.retention.sweep.LINES_KEPT", 3)
    path = put(tmp_path / "data" / planned.CAPPED[0], 0, "1\n2\n3\n4\n5\n")
    put(tmp_path / "data" / planned.CAPPED[1], 0, "1\n2\n3\n")
    inode = path.stat().st_ino
    assert sweep(settings, dry_run=True)["histories"] == (2, 0)
    assert sweep(settings)["histories"] == (2, 0)
    assert (path.read_text(), path.stat().st_ino) == ("3\n4\n5\n", inode)
    assert left(tmp_path) == {f"data/{name}" for name in planned.CAPPED[:2]}


def test_the_chat_of_earlier_years_moves_to_its_own_file(tmp_path: Path, settings: Settings) -> None:
    """Each year has its file, nothing is lost, and lines without a time stay."""
    lines = [
        '{"timestamp":"2024-12-31T00:00:00+00:00"}',
        '{"timestamp": "2025-01-01"}',
        "{}",
        '{"timestamp":"2026-01-01"}',
    ]
    path = put(tmp_path / "telegram" / "chat-history.jsonl", 0, "\n".join(lines) + "\n")
    assert sweep(settings)["chat history"] == (2, 0)
    assert path.read_text().splitlines() == lines[2:]
    assert (tmp_path / "telegram" / "chat-history-2024.jsonl").read_text().splitlines() == lines[:1]
    assert (tmp_path / "telegram" / "chat-history-2025.jsonl").read_text().splitlines() == lines[1:2]


def test_the_log_has_a_line_each(settings: Settings) -> None:
    """Lines are appended with their time."""
    log(settings, NOW, "begins")
    log(settings, NOW, "ends")
    assert settings.paths.retention_log.read_text() == (
        "[2026-03-02T08:30:00+00:00] begins\n[2026-03-02T08:30:00+00:00] ends\n"
    )


async def test_once_a_night(tmp_path: Path, settings: Settings) -> None:
    """Due from half past three on, once a local day, known again after a restart; a new home waits for its night."""
    ledger = await open_ledger(tmp_path)
    make = partial(Nightly, settings, ledger, inline)
    nightly = make()
    assert not await nightly.due(NOW + timedelta(hours=2))
    tomorrow = NOW + timedelta(days=1)
    assert not await nightly.due(tomorrow - timedelta(minutes=1))
    put(tmp_path / "moderation" / "old.json", 99)
    assert await nightly.due(tomorrow)
    assert sum(result.count for result in await nightly.run(tomorrow)) == 1
    for again in (nightly, make()):
        assert not await again.due(tomorrow + timedelta(hours=5))
    assert await make().due(tomorrow + timedelta(days=3, hours=9))
    assert "moderation: pruned 1" in settings.paths.retention_log.read_text()
    await ledger.close()


async def test_a_home_begun_at_midnight_is_swept_that_night(tmp_path: Path, settings: Settings) -> None:
    """Before half past three the coming half past three is the first."""
    ledger = await open_ledger(tmp_path)
    nightly = Nightly(settings, ledger, inline)
    assert not await nightly.due(NOW - timedelta(hours=3))
    assert await nightly.due(NOW)
    await ledger.close()
