"""The one door into the queue: what each source may ask, what it is told, and that there is no other."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest

import runner
from runner.errors import RunnerError
from runner.ledger import SpendEntry, WakeRequest
from runner.session.kinds import KINDS, WAKE_TYPES
from runner.triggers.intake import (
    AUTOMATIC,
    LONGEST_MESSAGE,
    RULES,
    Intake,
    OutOfBudget,
    WakesPaused,
    WrongWake,
    as_message,
    check,
)
from runner.triggers.pause import PAUSED, Pause
from runner.triggers.selfwake import LONGEST_REASON, Pending
from runner.triggers.triggers import Triggers
from tests.runner.triggers.stage import TEN, Stage, stage
from tests.runner.triggers.test_letters import write
from tests.runner.triggers.test_visits import leave
from tests.support.ledger import inline

PAUSE = Pause.after("20260302-060000", "authentication failed", TEN)
SOURCES = ("scheduler", "self", "visitor", "correspondence", "api", "command", "terminal")


def intake_of(s: Stage, told: list[str] | None = None) -> Intake:
    heard = [] if told is None else told
    return Intake(s.ledger, lambda: s.settings, lambda: heard.append("nudge"))


def wish(source: str) -> WakeRequest:
    return WakeRequest(type=RULES[source].types[-1], source=source, message="hello")


async def said(s: Stage, source: str) -> str:
    """What the asker is told: the refusal's name, or the state of its row."""
    before = await s.ledger.wakes.pending()
    try:
        return (await intake_of(s).admit(wish(source), TEN)).state
    except RunnerError as refusal:
        assert await s.ledger.wakes.pending() == before
        assert await s.ledger.sessions.list() == ()
        return type(refusal).__name__


def test_the_table_names_real_sources_and_every_kind_of_session() -> None:
    """Each kind has somebody who may ask for it, a command may ask for all but a talk, and no rule names another."""
    assert set(RULES) == set(SOURCES)
    assert {name for rule in RULES.values() for name in rule.types} == set(KINDS)
    assert set(RULES["command"].types) == set(WAKE_TYPES)
    assert {"scheduler", "self", "visitor", "correspondence"} == AUTOMATIC


@pytest.mark.parametrize("source", SOURCES)
async def test_what_each_source_is_told(tmp_path: Path, source: str) -> None:
    """In a pause only a terminal passes, with no budget left only a slot; who is refused leaves no row."""
    async with stage(tmp_path, budget__day_usd=1.0, budget__session_usd=0.5) as s:
        assert await said(s, source) == "queued"
        await s.ledger.spend.record(SpendEntry(ref="x", at=TEN, cost_usd=0.6))
        assert await said(s, source) == ("queued" if source == "scheduler" else "OutOfBudget")
        await s.ledger.meta.put(PAUSED, PAUSE.dump())
        assert await said(s, source) == ("OutOfBudget" if source == "terminal" else "WakesPaused")
        await s.ledger.spend.forget("x", "session")
    async with stage(tmp_path / "rich") as s:
        await s.ledger.meta.put(PAUSED, PAUSE.dump())
        assert await said(s, source) == ("queued" if source == "terminal" else "WakesPaused")


async def test_refusals_name_the_way_out_and_their_exit_code(tmp_path: Path) -> None:
    """A pause names `resume`, a budget its figures, both exit 1; what is no wake is exit 2 and names what is one."""
    async with stage(tmp_path, budget__day_usd=1.0, budget__session_usd=0.5) as s:
        await s.ledger.spend.record(SpendEntry(ref="x", at=TEN, cost_usd=0.6))
        with pytest.raises(OutOfBudget, match=r"budget of the day: 1\.1 USD of 1; ") as spent:
            await intake_of(s).admit(wish("command"), TEN)
        await s.ledger.meta.put(PAUSED, PAUSE.dump())
        with pytest.raises(WakesPaused, match="authentication failed.*claude-runner resume") as paused:
            await intake_of(s).admit(wish("command"), TEN)
        with pytest.raises(WrongWake, match="unknown type 'siesta'; allowed: midnight, .*visit") as wrong:
            await intake_of(s).admit(WakeRequest(type="siesta"), TEN)
    assert (spent.value.exit_code, paused.value.exit_code, wrong.value.exit_code) == (1, 1, 2)


@pytest.mark.parametrize(
    ("source", "kind"),
    [("command", "talk"), ("api", "talk"), ("api", "telegram"), ("self", "visit"), ("scheduler", "custom")],
)
def test_no_source_asks_for_what_is_not_its_own(source: str, kind: str) -> None:
    """A type that exists is refused all the same where it has another door, and what is allowed is named."""
    with pytest.raises(WrongWake, match=f"unknown type '{kind}'; allowed: {RULES[source].types[0]}"):
        check(WakeRequest(type=kind, source=source))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"message": "x" * (LONGEST_MESSAGE + 1)}, "the message has 20001 characters; at most 20000"),
        ({"message": "ab\0"}, r"the message holds what is no text \('\\x00' at character 3\)"),
        ({"message": "\udcff"}, r"the message holds what is no text \('\\udcff' at character 1\)"),
        ({"sender": "\ud83c"}, "the sender holds what is no text"),
        ({"image": "/a/\udce9.png"}, "the image holds what is no text"),
        ({"max_turns": 0}, "max_turns is 0; allowed is 1 to 1000"),
    ],
)
def test_what_is_no_message_is_named(more: dict[str, object], words: str) -> None:
    """Length, characters that no file and no request could carry, and turns are refused by name and place."""
    with pytest.raises(WrongWake, match=words):
        check(WakeRequest(type="custom", **more))  # type: ignore[arg-type] # fields by name
    check(WakeRequest(type="custom", message="x" * LONGEST_MESSAGE + "", max_turns=1000))


async def test_who_looks_at_the_queue_is_told_once_for_each_row(tmp_path: Path) -> None:
    """A new row is told of; a refusal, and a wish that is known already, are not."""
    async with stage(tmp_path) as s:
        told: list[str] = []
        intake = intake_of(s, told)
        keyed = WakeRequest(type="visit", source="visitor", key="visit:a")
        first = await intake.admit(keyed, TEN)
        assert (await intake.admit(keyed, TEN + timedelta(hours=1))).id == first.id
        await s.ledger.meta.put(PAUSED, PAUSE.dump())
        with pytest.raises(WakesPaused):
            await intake.admit(keyed, TEN)
    assert told == ["nudge"]


async def test_settings_read_again_count_at_once(tmp_path: Path) -> None:
    """The limits are those in force at the moment of asking."""
    async with stage(tmp_path) as poor, stage(tmp_path / "b", budget__day_usd=0.5) as rich:
        await poor.ledger.spend.record(SpendEntry(ref="x", at=TEN, cost_usd=0.6))
        current = [poor.settings]
        intake = Intake(poor.ledger, lambda: current[0])
        assert (await intake.admit(wish("api"), TEN)).created
        current[0] = rich.settings
        with pytest.raises(OutOfBudget):
            await intake.admit(wish("api"), TEN)


@pytest.mark.parametrize("hindrance", ["pause", "budget"])
async def test_what_nobody_asks_for_at_the_moment_waits(tmp_path: Path, hindrance: str) -> None:
    """An own wake, letters and a visit stay where they are while none is taken in, and are queued once afterwards."""
    async with stage(tmp_path, budget__day_usd=1.0) as s, stage(tmp_path / "rich") as rich:
        current = [s.settings]
        s.desk = Triggers.make(s.settings, s.ledger, s.schedule, inline, lambda: current[0])
        assert s.desk.own_file is not None
        s.desk.own_file.set(Pending(wake_at=TEN, reason="the tide", created_at=TEN - timedelta(hours=1)))
        write(s, "mira", TEN - timedelta(hours=1))
        leave(s, "a", TEN - timedelta(hours=1))
        if hindrance == "pause":
            await s.ledger.meta.put(PAUSED, PAUSE.dump())
        else:
            await s.ledger.spend.record(SpendEntry(ref="x", at=TEN - timedelta(hours=8), cost_usd=1.0))
        for minute in range(3):
            await s.look(TEN + timedelta(minutes=minute))
        assert await s.ledger.wakes.pending() == ()
        assert await s.ledger.sessions.list() == ()
        assert await s.desk.own_wake() is not None
        await s.ledger.meta.drop(PAUSED)
        current[0] = rich.settings
        for minute in range(3, 6):
            await s.look(TEN + timedelta(minutes=minute))
        assert sorted(wake.type for wake in await s.ledger.wakes.pending()) == ["correspondence", "self", "visit"]
        assert await s.desk.own_wake() is None


async def test_a_flaw_in_a_homes_file_keeps_no_wake_away(tmp_path: Path) -> None:
    """A reason written by hand, too long and with half a character, is cut and mended; the wake comes."""
    async with stage(tmp_path) as s:
        assert s.desk.own_file is not None
        s.desk.own_file.set(Pending(wake_at=TEN, reason="the tide", created_at=TEN - timedelta(hours=1)))
        path = s.home / "data" / "self-schedule.json"
        path.write_text(path.read_text().replace("the tide", "\\ud83c" + "x" * 30_000))
        await s.look(TEN)
        (wake,) = await s.waiting("self")
    assert wake.message == "\ufffd" + "x" * (LONGEST_REASON - 1)
    assert as_message("a\0b\udcffc") == "a\ufffdb\ufffdc"


def test_no_other_module_puts_a_wake_into_the_queue() -> None:
    """Rows are written by the ledger alone, and whoever wants one goes through `admit`."""
    root = Path(runner.__file__).parent.parent
    calls: set[str] = set()
    for folder in ("runner", "actors", "web"):
        for path in (root / folder).rglob("*.py"):
            if path.parent.name != "ledger":
                calls |= {str(path.relative_to(root)) for _ in _writers(ast.parse(path.read_text()))}
    assert calls == set()


def _writers(tree: ast.AST) -> list[ast.AST]:
    """Where a row is written: what is handed to `admit` as the way to write it does not count."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) and tree.func.attr == "admit":
        return []
    here = (
        isinstance(tree, ast.Call)
        and isinstance(tree.func, ast.Attribute)
        and tree.func.attr in {"enqueue", "take", "offer"}
        and isinstance(tree.func.value, ast.Attribute)
        and tree.func.value.attr in {"wakes", "letters"}
    )
    return ([tree] if here else []) + [found for child in ast.iter_child_nodes(tree) for found in _writers(child)]
