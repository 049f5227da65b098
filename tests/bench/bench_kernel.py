"""What the kernel costs: tells and asks handled per CPU-second with hang limits on, and the time from crash to serving.

    python -m tests.bench.bench_kernel [--json] [--messages N] [--crashes N]

It prints figures and asserts none: a figure is judged by who knows the machine. The rates are the best of three rounds:
whatever else runs on the machine only ever makes them worse (it evicts caches, also in CPU time).
"""

import argparse
import datetime as dt
import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import attrs
import trio

from runner.kernel import (
    ActorContext,
    Backoff,
    ChildSpec,
    DeadLetters,
    EventRing,
    Intensity,
    Mailbox,
    Order,
    Question,
    Restart,
    Supervisor,
)

BURST = 1_000
ASKERS = 4
ROUNDS = 3


@attrs.frozen
class Add(Order):
    """Count one."""

    n: int


@attrs.frozen
class Total(Question[int]):
    """Ask for the count."""


@attrs.frozen
class Break(Order):
    """Crash, having noted when."""


@attrs.define(eq=False)
class Counter:
    """An actor with the least possible work."""

    mailbox: Mailbox[Add | Total | Break]
    crashed_at: list[float]
    goal: int
    reached: trio.Event
    total: int = 0

    async def run(self, context: ActorContext) -> None:
        """Count, answer, crash on demand."""
        context.started()
        while True:
            message = await self.mailbox.receive()
            match message:
                case Add(n):
                    self.total += n
                    if self.total >= self.goal:
                        self.reached.set()
                case Total():
                    message.reply.send(self.total)
                case Break():
                    self.crashed_at.append(time.perf_counter())
                    msg = "asked to"
                    raise RuntimeError(msg)


Box: TypeAlias = Mailbox[Add | Total | Break]
Work: TypeAlias = Callable[[Box, trio.Event, list[float]], Awaitable[None]]
Figures: TypeAlias = dict[str, float]


async def _serving(work: Work, *, goal: int) -> None:
    """Run `work` against a supervised counter, with the limits every actor of the product has."""
    events = EventRing(lambda: dt.datetime.now(dt.UTC))
    letters = DeadLetters(lambda: dt.datetime.now(dt.UTC), events=events)
    box: Box = Mailbox("counter", capacity=2 * BURST, max_attempts=1)
    reached = trio.Event()
    crashed_at: list[float] = []
    spec = ChildSpec(
        name="counter",
        factory=lambda: Counter(box, crashed_at, goal, reached),
        mailbox=box,
        restart=Restart.PERMANENT,
        intensity=Intensity(1_000_000, 60),
        backoff=Backoff(first=0, ceiling=0),
    )
    supervisor = Supervisor(
        "bench", [spec], intensity=Intensity(1_000_000, 60), rng=random.Random(1), events=events, dead_letters=letters
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor.run)
        await supervisor.ready.wait()
        await work(box, reached, crashed_at)
        supervisor.shut_down("done")


def tells(messages: int) -> Figures:
    """Orders handled per CPU-second, sent in bursts."""
    figures: Figures = {}

    async def work(box: Box, reached: trio.Event, __: list[float]) -> None:
        one = Add(1)  # building messages is the sender's cost, not the kernel's
        began = time.process_time()
        sent = 0
        while sent < messages:
            for _ in range(min(BURST, messages - sent)):
                box.ref.tell(one)
                sent += 1
            await Total().ask(box.ref, within=60)  # one a burst: the box is empty when it is answered
        await reached.wait()
        figures["tell_per_cpu_s"] = messages / (time.process_time() - began)

    trio.run(_with(work, goal=messages))
    return figures


def asks(messages: int) -> Figures:
    """Questions asked and answered per CPU-second, by a few askers at once."""
    figures: Figures = {}

    async def asker(box: Box, count: int) -> None:
        for _ in range(count):
            await Total().ask(box.ref, within=5)

    async def work(box: Box, __: trio.Event, ___: list[float]) -> None:
        began = time.process_time()
        async with trio.open_nursery() as nursery:
            for _ in range(ASKERS):
                nursery.start_soon(asker, box, messages // ASKERS)
        figures["ask_per_cpu_s"] = messages // ASKERS * ASKERS / (time.process_time() - began)

    trio.run(_with(work, goal=sys.maxsize))
    return figures


def crashes(count: int) -> Figures:
    """Milliseconds from the raise in a handler to the next incarnation's first answer."""
    times: list[float] = []

    async def work(box: Box, __: trio.Event, crashed_at: list[float]) -> None:
        for _ in range(count):
            box.ref.tell(Break())
            await Total().ask(box.ref, within=5)
            times.append((time.perf_counter() - crashed_at[-1]) * 1_000)

    trio.run(_with(work, goal=sys.maxsize))
    ordered = sorted(times)
    return {
        "crash_to_serving_p50_ms": statistics.median(ordered),
        "crash_to_serving_p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        "crash_to_serving_max_ms": ordered[-1],
    }


def _with(work: Work, *, goal: int) -> Callable[[], Awaitable[None]]:
    async def main() -> None:
        await _serving(work, goal=goal)

    return main


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_kernel", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--messages", type=int, default=100_000, help="how many orders; a quarter as many questions")
    parser.add_argument("--crashes", type=int, default=500, help="how many crashes")
    options = parser.parse_args(argv)
    questions = max(ASKERS, options.messages // 4)
    rounds = [{**tells(options.messages), **asks(questions)} for _ in range(ROUNDS)]
    figures = {name: max(each[name] for each in rounds) for name in rounds[0]} | crashes(options.crashes)
    if options.json:
        print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
    else:
        for name, value in figures.items():
            print(f"{name:28}{value:>14,.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
