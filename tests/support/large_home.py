"""A home with years behind it, for benchmarks: two thousand entries over all folders, and every state file."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

SENTENCE = "the harbour keeps its lamps and nobody counts the boats that come in by night while the kettle sings low"
WORDS = tuple(SENTENCE.split(" "))
SHARES = {
    "thoughts": 0.40,
    "dreams": 0.12,
    "essays": 0.04,
    "letters": 0.04,
    "scores": 0.04,
    "bookshelf": 0.04,
    "conversations": 0.10,
    "transcripts": 0.10,
    "news": 0.04,
    "readings": 0.04,
    "sandbox": 0.02,
    "projects": 0.02,
}
READABLE = ("thoughts", "dreams", "essays", "letters", "scores", "bookshelf")
"""Folders whose files the catalogue takes in; the others are walked through, or are for the resident alone."""
TYPES = {"dreams": "prose"}
COMMON_WORD = "harbour"
"""Stands in every entry."""
ECHOES = 3


def text(words: int, seed: int) -> str:
    """So many words in paragraphs of sixty, the same for the same seed."""
    chosen = [WORDS[(seed * 7 + number * 3) % len(WORDS)] for number in range(words)]
    return "\n\n".join(" ".join(chosen[start : start + 60]) for start in range(0, words, 60))


def make_large_home(home: Path, *, entries: int, until: datetime) -> int:
    """Write the files, the newest a day before `until`; how many entries there are now. Blocking."""
    made = 0
    for folder, share in SHARES.items():
        count = round(entries * share)
        (home / folder).mkdir(parents=True)
        for number in range(count):
            day = until - timedelta(days=1 + number / 8)
            path = home / folder / f"{day:%Y-%m-%d}-{folder}-{number}.md"
            head = (
                f'---\ndate: "{day:%Y-%m-%d}"\ntitle: "{folder} {number}"\ntype: "{TYPES.get(folder, "visit")}"\n---\n'
            )
            path.write_text(head + text(350, number) + "\n")
            os.utime(path, (day.timestamp(), day.timestamp()))
        made += count
    write_state(home, until)
    write_echoes(home)
    return made


def readable(entries: int) -> int:
    """How many of so many entries are in the catalogue."""
    return sum(round(entries * SHARES[folder]) for folder in READABLE)


def write_echoes(home: Path) -> None:
    """The manifest of what resembles what: each thought the next few."""
    slugs = sorted(path.stem for path in (home / "thoughts").glob("*.md"))
    echoes = {
        f"thoughts/{slug}": [
            {
                "content_type": "thoughts",
                "slug": other,
                "title": other.partition("-thoughts-")[2],
                "date": other[:10],
                "similarity": 0.5,
            }
            for other in slugs[number + 1 : number + 1 + ECHOES]
        ]
        for number, slug in enumerate(slugs)
    }
    manifest = home / "runner" / "memory" / "data" / "echoes_manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"echoes": echoes}))


def write_state(home: Path, until: datetime) -> None:
    """Memory, prompt, visitors, chat, letters and what the hooks leave in data/."""
    now = until.astimezone(UTC)
    for name in ("memory", "prompt", "visitors", "telegram", "inner-thread", "data", "mailbox/mira", "gifts", "about"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "memory" / "memory.md").write_text(text(4_000, 1))
    (home / "memory" / "identity.md").write_text(text(800, 2))
    (home / "voice.md").write_text(text(300, 3))
    (home / "CLAUDE.md").write_text(text(500, 4))
    (home / "prompt" / "prompt.md").write_text(text(400, 5))
    (home / "data" / "compiled-memory.md").write_text(text(5_000, 6))
    for number in range(25):
        path = home / "visitors" / f"2026-03-01-10{number:02}-mira.md"
        path.write_text(f'---\ndate: "2026-03-01"\nfrom: "Mira"\n---\n{text(100, number)}')
    stamps = [(now - timedelta(hours=number)).isoformat() for number in range(5_000)]
    chat = [
        {"timestamp": stamp, "from": ("dinesh", "claudie")[n % 2], "text": text(20, n)}
        for n, stamp in enumerate(stamps)
    ]
    (home / "telegram" / "chat-history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in chat))
    thread = [
        {"id": f"it_{n}", "ts": stamp, "day": 5, "type": "note", "body": text(30, n)} for n, stamp in enumerate(stamps)
    ]
    (home / "inner-thread" / "thread.jsonl").write_text("".join(json.dumps(line) + "\n" for line in thread))
    states: dict[str, object] = {
        "mood-state.json": {
            "session_type": "dusk",
            "timestamp": (now - timedelta(hours=3)).isoformat(),
            "mood_words": ["quiet"],
            "blended": {"valence": 0.3, "arousal": -0.1},
            "journal_length": 640,
        },
        "drift-signals.json": {"status": "ok", "topics": {"gravitating": ["harbour"]}},
        "mirror-snapshot.json": {"status": "ok", "day": 41, "computed_at": stamps[90]},
        "impulses.json": [],
    }
    for name, state in states.items():
        (home / "data" / name).write_text(json.dumps(state))
