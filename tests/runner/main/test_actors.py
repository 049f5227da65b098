"""The shipped tree as data: its order, its budgets, and that each of them means something."""

import tomllib
from pathlib import Path
from random import Random

import attrs
import pytest
import trio
from trio.testing import MockClock

from actors.indexer import CurrentCatalogue
from runner import resources
from runner.content import Catalogue, read_kinds
from runner.kernel import ActorContext, ChildSpec, DeadLetters, Ended, EventRing, Intensity, State, Supervisor
from runner.live import Hub
from runner.main.actors import Factories, Mailboxes, RestartBudget, child_specs
from tests.support.clock import WallClock

NAMES = tuple(attribute.name for attribute in attrs.fields(Factories))


class Healthy:
    """An actor that does nothing, for ever."""

    async def run(self, context: ActorContext) -> None:
        context.started()
        await context.stopping.wait()


class Crashing:
    """An actor that is ready and crashes at once."""

    async def run(self, context: ActorContext) -> None:
        context.started()
        await trio.lowlevel.checkpoint()
        raise RuntimeError("again")


def shipped(**crashing: type) -> tuple[ChildSpec, ...]:
    """The shipped specs, with actors of the test's choice in them."""
    clock = WallClock()
    letters, events = DeadLetters(now=clock), EventRing(clock)
    kinds = read_kinds(resources.config_dir() / "content.toml")
    boxes = Mailboxes.make(Hub("boot"), CurrentCatalogue(Catalogue.empty(kinds, Path("/nowhere"))), letters, events)
    factories = Factories(**{name: crashing.get(name, Healthy) for name in NAMES})
    return child_specs(factories, boxes, RestartBudget(Intensity(6, 60)), telegram_off=None)


async def test_start_order_is_the_order_of_the_import_layers(autojump_clock: MockClock) -> None:
    """Who may import whom, read upward, is the order in which the actors start."""
    pyproject = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each.get("containers") == ["actors"])
    rank = {
        name.strip(): number for number, layer in enumerate(reversed(layers)) for name in layer.strip("()").split("|")
    }
    order = [rank[spec.name] for spec in shipped() if spec.name in rank]
    assert order == sorted(order)
    assert [spec.name for spec in shipped() if spec.name not in rank] == ["web"]


@pytest.mark.parametrize("name", [spec for spec in NAMES if spec not in ("control", "broadcaster", "web")])
async def test_a_shipped_actor_that_keeps_crashing_fails_and_is_tried_again(
    name: str, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Crash-looped, it is `failed` in finite time while all others run, and revived after ten minutes."""
    specs = shipped(**{name: Crashing})
    clock = WallClock()
    supervisor = Supervisor("root", specs, rng=Random(1), events=EventRing(clock), dead_letters=DeadLetters(now=clock))
    nursery.start_soon(supervisor.run)

    def child() -> tuple[State, int]:
        return next((each.state, each.incarnation) for each in supervisor.children() if each.name == name)

    with trio.fail_after(60):
        while child()[0] is not State.FAILED:
            await trio.sleep(0.05)
    lives = child()[1]
    assert lives == 7
    assert {each.state for each in supervisor.children() if each.name != name} == {State.RUNNING}
    await trio.sleep(599)
    assert child() == (State.FAILED, lives)
    await trio.sleep(30)
    assert child()[1] > lives
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", ["control", "broadcaster", "web"])
async def test_a_critical_actor_that_keeps_crashing_ends_the_process(name: str, autojump_clock: MockClock) -> None:
    """The three without which nothing can be served end the tree, exit code 70, so that the manager restarts it."""
    clock = WallClock()
    supervisor = Supervisor(
        "root", shipped(**{name: Crashing}), rng=Random(1), events=EventRing(clock), dead_letters=DeadLetters(now=clock)
    )
    with trio.fail_after(120):
        outcome = await supervisor.run()
    assert outcome.ended in (Ended.GAVE_UP, Ended.START_FAILED)
    assert outcome.exit_code == 70
    assert outcome.actor == name
