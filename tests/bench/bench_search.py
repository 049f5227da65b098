"""Search and freshness of the shipped process, asked over its socket by this one: a home full of documents.

Cold is the start without an index, warm the next one. Each class of questions is of words that differ, so that no
answer is a kept one, except for `repeated`.
"""

import argparse
import itertools
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import attrs
import trio

from tests.support.http_client import EventStream, get
from tests.support.process import Running, command, scrubbed, start

SEARCH = "/api/v1/search"
EVENTS = "/api/v1/events/stream"
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "el", "ir", "on")]
VOCABULARY = 20_000
COMMIT = ("git", "rev-parse", "--short", "HEAD")


def main(argv: Sequence[str]) -> int:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser(prog="bench_search", description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--words", type=int, default=600)
    parser.add_argument("--questions", type=int, default=50, help="of each class")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    told = subprocess.run(COMMIT, capture_output=True, text=True, check=False).stdout.strip()
    for found in trio.run(_measure, options.documents, options.words, options.questions):
        line = {**found, "documents": options.documents, "words": options.words, "commit": told}
        print(json.dumps(line) if options.json else "search  " + "  ".join(f"{k} {v}" for k, v in line.items()))
    return 0


@attrs.frozen
class Texts:
    """Documents of made-up words: a few in nearly all, some in about a third, most in hardly any."""

    vocabulary: list[str]
    weights: list[float]

    @classmethod
    def make(cls, rng: random.Random) -> "Texts":
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            words["".join(rng.choices(SYLLABLES, k=rng.choice((2, 3, 3, 4))))] = None
        return cls(list(words), list(itertools.accumulate(1 / (rank + 5) for rank in range(VOCABULARY))))

    def write(self, home: Path, rng: random.Random, documents: int, length: int) -> None:
        for number in range(documents):
            words = rng.choices(self.vocabulary, cum_weights=self.weights, k=length)
            folder = home / ("thoughts", "dreams", "essays")[number % 3]
            folder.mkdir(exist_ok=True)
            day = f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}"
            extra = "type: prose\n" if number % 3 == 1 else ""
            text = f"---\ndate: {day}\ntitle: {' '.join(words[:3])}\n{extra}---\n\n{' '.join(words)}\n"
            (folder / f"{day}-{number:05}.md").write_text(text)

    def questions(self, count: int, documents: int, length: int) -> dict[str, list[str]]:
        """Words by the share of documents that hold them, and beginnings of words."""
        total = self.weights[-1]
        shares = [1 - (1 - 1 / (rank + 5) / total) ** length for rank in range(VOCABULARY)]
        classes: dict[str, list[str]] = {"rare": [], "up to 40 %": [], "common": []}
        for word, share in zip(self.vocabulary, shares, strict=True):
            if share * documents < documents / 100:
                classes["rare"].append(word)
            elif 0.2 <= share <= 0.4:
                classes["up to 40 %"].append(word)
            elif share > 0.4:
                classes["common"].append(word)
        classes["prefix"] = sorted({word[:size] for word in self.vocabulary[:400] for size in (1, 2, 3)})
        found = {name: random.Random(1).sample(words, min(count, len(words))) for name, words in classes.items()}
        return {**found, "repeated": found["common"][:1] * count}


async def _measure(documents: int, length: int, count: int) -> list[dict[str, object]]:
    rng = random.Random(4)
    texts = Texts.make(rng)
    lines: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        done = await command(scrubbed(home), "init", "--home", str(home))
        assert done.returncode == 0, done.stderr
        await trio.to_thread.run_sync(texts.write, home, rng, documents, length)
        for name in ("cold", "warm"):
            async with trio.open_nursery() as nursery:
                began = time.monotonic()
                up = await start(nursery, home, SESSION_BACKEND="rehearsal", SCHEDULER_ENABLED="false")
                ready = time.monotonic() - began
                first = await _until_found(up, texts.vocabulary[0], 1) - began
                # every document holds the commonest word; a few may not, by chance
                whole = await _until_found(up, texts.vocabulary[0], int(documents * 0.97)) - began
                lines.append(
                    {
                        "start": name,
                        "ready_s": round(ready, 2),
                        "first_hit_s": round(first, 2),
                        "all_searchable_s": round(whole, 2),
                    }
                )
                if name == "warm":
                    await trio.sleep(5)  # the catalogue is read by then, and the index compared with it
                    for kind, questions in texts.questions(count, documents, length).items():
                        lines.append({"questions": kind, **await _ask(up, questions)})
                    lines.append({"write_to": "event", **await _events(up)})
                await up.stop()
                nursery.cancel_scope.cancel()
        lines.append({"index_mb": round((home / "data" / "search.db").stat().st_size / 1e6, 1)})
    return lines


async def _until_found(up: Running, word: str, least: int) -> float:
    with trio.fail_after(600):
        while True:
            answer = await get(up.host, up.port, f"{SEARCH}?q={word}&type=everything")
            if answer.status == 200 and answer.json()["total"] >= least:
                return time.monotonic()
            await trio.sleep(0.05)


async def _ask(up: Running, questions: list[str]) -> dict[str, object]:
    delays: list[float] = []
    received, cpu = 0, _cpu_seconds(up)
    for question in questions:
        began = time.perf_counter()
        answer = await get(up.host, up.port, f"{SEARCH}?q={quote(question)}&type=everything")
        delays.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, answer.body
        received += len(answer.body)
    used = (_cpu_seconds(up) - cpu) / len(questions) * 1000
    return {**_spread(delays), "asked": len(questions), "cpu_ms_each": round(used, 2), "bytes": received}


async def _events(up: Running) -> dict[str, object]:
    delays: list[float] = []
    stream = await EventStream.open(up.host, up.port, EVENTS + "?topic=scores")
    for number in range(50):
        path = up.home / "scores" / f"bench-{number}.md"
        path.parent.mkdir(exist_ok=True)
        began = time.perf_counter()
        path.write_text("---\ndate: 2026-03-01\ntitle: Bench\n---\n\nwords\n")
        with trio.fail_after(30):
            while (event := await stream.next()) is not None and event.data.get("slug") != path.stem:
                pass
        delays.append((time.perf_counter() - began) * 1000)
    await stream.aclose()
    return _spread(delays)


def _cpu_seconds(up: Running) -> float:
    fields = Path(f"/proc/{up.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _spread(delays: list[float]) -> dict[str, object]:
    delays.sort()
    return {
        "p50_ms": round(_percentile(delays, 50), 2),
        "p99_ms": round(_percentile(delays, 99), 2),
        "max_ms": round(delays[-1], 2),
    }


def _percentile(ordered: list[float], percent: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * percent / 100) - 1)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
