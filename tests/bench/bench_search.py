"""Start, search and freshness of the shipped process, asked over its socket by this one: a home full of documents.

Cold is the start without an index, warm the next one. Each class of questions is of words that differ, so that no
answer is a kept one, except for `repeated`.
"""

import argparse
import itertools
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import attrs
import trio

from tests.bench.figures import Report, Spent, cpu_seconds, spread
from tests.bench.freshness import Checkout, Ticker, burst, changes_among_edits, changes_of_one_file
from tests.support.http_client import EventStream, get
from tests.support.process import Running, command, scrubbed, start

SEARCH = "/api/v1/search"
EVENTS = "/api/v1/events/stream"
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "el", "ir", "on")]
VOCABULARY = 20_000
SETTLED = 15.0
"""Seconds after a start: the files are compared, both caches written, frequent words ranked."""
SCANNED = 61.0
"""Seconds in which the files are compared with what is known of them once."""

ROUNDS = 10
A_SECOND = 20


def main(argv: Sequence[str]) -> int:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser(prog="bench_search", description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--words", type=int, default=600)
    parser.add_argument("--questions", type=int, default=50, help="of each class")
    parser.add_argument("--burst", type=int, default=1_000, help="files written at once")
    parser.add_argument("--checkout", type=int, default=2_000, help="files that a checkout of git changes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    report = Report("search", options.json)
    for found in trio.run(_measure, options):
        report.add({**found, "documents": options.documents, "words": options.words})
    return report.exit_code


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


async def _measure(options: argparse.Namespace) -> list[dict[str, object]]:
    documents, length, count = options.documents, options.words, options.questions
    rng = random.Random(4)
    texts = Texts.make(rng)
    lines: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        done = await command(scrubbed(home), "init", "--home", str(home))
        assert done.returncode == 0, done.stderr
        await trio.to_thread.run_sync(texts.write, home, rng, documents, length)
        checkout = await trio.to_thread.run_sync(Checkout.prepare, home, options.checkout)
        for name in ("cold", "warm"):
            async with trio.open_nursery() as nursery:
                began = time.monotonic()
                up = await start(nursery, home, SESSION_BACKEND="rehearsal", SCHEDULER_ENABLED="false")
                ready, cpu = time.monotonic() - began, cpu_seconds(up.process.pid)
                ticker = Ticker()
                nursery.start_soon(ticker.run, up)
                first = await _until_found(up, texts.vocabulary[0], 1) - began
                # every document holds the commonest word; a few may not, by chance
                whole = await _until_found(up, texts.vocabulary[0], int(documents * 0.97)) - began
                lines.append(
                    {
                        "start": name,
                        "ready_s": round(ready, 2),
                        "first_hit_s": round(first, 2),
                        "all_searchable_s": round(whole, 2),
                        "cpu_until_ready_s": round(cpu, 2),
                        "cpu_s": round(cpu_seconds(up.process.pid), 2),
                    }
                )
                await trio.sleep(SETTLED)
                lines.append(ticker.end(f"the rest of the {name} start"))
                if name == "warm":
                    lines += await _warm(up, texts.questions(count, documents, length), ticker, checkout, options.burst)
                ticker.ticking.cancel()
                await up.stop()
                nursery.cancel_scope.cancel()
        for path in (home / "data").glob("*.db"):
            lines.append({"file": path.name, "mb": round(path.stat().st_size / 1e6, 1)})
    return lines


async def _warm(
    up: Running, questions: dict[str, list[str]], ticker: Ticker, checkout: Checkout, files: int
) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = []
    for kind, asked in questions.items():
        lines.append({"questions": kind, **await _ask(up, asked)})
    lines.append(ticker.end("the questions"))
    lines.append({"write_to": "event", **await _events(up)})
    lines += await changes_of_one_file(up, ROUNDS)
    lines += await changes_among_edits(up, ROUNDS, A_SECOND)
    lines.append(ticker.end("single changes"))
    lines.append(await burst(up, files))
    lines.append(ticker.end("the burst"))
    lines.append(await checkout.measure(up))
    lines.append(ticker.end("the checkout"))
    await trio.sleep(SCANNED)
    lines.append(ticker.end("a comparison with the disk"))
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
    spent = Spent.begin(up)
    for question in questions:
        began = time.perf_counter()
        answer = await get(up.host, up.port, f"{SEARCH}?q={quote(question)}&type=everything")
        delays.append(time.perf_counter() - began)
        assert answer.status == 200, answer.body
        spent.received += len(answer.body)
    return {**spread(delays), "asked": len(questions), **spent.end()}


async def _events(up: Running) -> dict[str, object]:
    delays: list[float] = []
    spent = Spent.begin(up)
    stream = await EventStream.open(up.host, up.port, EVENTS + "?topic=scores")
    for number in range(50):
        path = up.home / "scores" / f"bench-{number}.md"
        path.parent.mkdir(exist_ok=True)
        began = time.perf_counter()
        path.write_text("---\ndate: 2026-03-01\ntitle: Bench\n---\n\nwords\n")
        with trio.fail_after(30):
            while (event := await stream.next()) is not None:
                spent.received += len(json.dumps(event.data))
                if event.data.get("slug") == path.stem:
                    break
        delays.append(time.perf_counter() - began)
    await stream.aclose()
    return {**spread(delays), **spent.end()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
