"""What has to be true of a home after any number of lives, however they ended."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta

from runner.ledger import TERMINAL, meta, sessions
from runner.schedule import Schedule, load_schedule
from runner.settings import Settings
from runner.storage import sqlite
from runner.triggers import letters
from runner.triggers.selfwake import PER_DAY
from tests.simulation import repository
from tests.simulation.world import TOKEN, World

RAN = ("completed", "failed", "interrupted")
SUMMARY = re.compile(r"nothing ran: (\d+) slots? from (\S+) on, told as one")


async def check_along_the_way(world: World, settings: Settings) -> None:
    """What must hold at any moment between two lives."""
    with closing(sqlite.open_reader(settings.paths.ledger)) as ledger:
        _check_rows(world, ledger)
        _check_hooks(world, ledger)
    world.look_for_letters()


async def check_at_the_end(world: World, settings: Settings, began: datetime, *, upset: bool) -> Mapping[str, int]:
    """Everything, after a life has come to rest. Notes what is wrong; returns how many records there are of each state,
    and how many sessions were begun for whom.
    """
    with closing(sqlite.open_reader(settings.paths.ledger)) as ledger:
        _check_rows(world, ledger)
        _check_hooks(world, ledger, all_of_them=True)
        _check_slots(world, ledger, load_schedule(settings.resident.zone), began)
        _check_requests(world, ledger)
        _check_own(world, ledger)
        _check_caps(world, ledger, settings, slack=int(upset))
        _check_spend(world, ledger, settings)
        _check_repository(world, ledger, settings)
        _check_rest(world, ledger)
        _check_logs(world, ledger, settings)
        rows = ledger.execute("SELECT state, COUNT(*) FROM sessions GROUP BY state")
        states = {str(state): int(count) for state, count in rows}
        rows = ledger.execute("SELECT source, COUNT(*) FROM sessions WHERE started_at IS NOT NULL GROUP BY source")
        states |= {f"begun_by_{source}": int(count) for source, count in rows}
    _check_status(world, settings)
    world.look_for_letters()
    for name in world.unshown():
        world.note(f"letter {name} was never shown")
    return states


def _check_rows(world: World, ledger: sqlite3.Connection) -> None:
    """A model that was begun has its row; the two tables tell the same."""
    known = {row[0] for row in ledger.execute("SELECT session_id FROM sessions")}
    for session_id in world.spawned.keys() - known:
        world.note(f"session {session_id} was spawned and is not recorded")
    known |= {row[0] for row in ledger.execute("SELECT id FROM wakes")}
    for wake_id in world.asked.keys() - known:
        world.note(f"request {wake_id} was accepted and is gone")
    apart = ledger.execute(
        """
        SELECT wakes.id, wakes.state, sessions.state FROM wakes LEFT JOIN sessions ON sessions.session_id = wakes.id
        WHERE wakes.state IN (?, ?, ?, ?, ?) AND wakes.state IS NOT sessions.state
        """,
        TERMINAL,
    )
    for session_id, wake, session in apart:
        world.note(f"wake {session_id} is {wake} and its session {session}")


def _check_hooks(world: World, ledger: sqlite3.Connection, *, all_of_them: bool = False) -> None:
    for session_id, name, begins, verdict in ledger.execute("SELECT session_id, name, begins, verdict FROM hooks"):
        if begins > 2:
            world.note(f"hook {name} of {session_id} was begun {begins} times")
        if verdict in ("done", "not_due") and not world.worked[session_id, name]:
            world.note(f"hook {name} of {session_id} is {verdict} and its work was never finished")
        if all_of_them and verdict is None:
            world.note(f"hook {name} of {session_id} has no verdict")


def _check_slots(world: World, ledger: sqlite3.Connection, schedule: Schedule, began: datetime) -> None:
    """Every slot of the time that was lived has one terminal record: its own, or one that tells of several."""
    rows = ledger.execute("SELECT slot, state, reason FROM sessions WHERE slot IS NOT NULL").fetchall()
    own: Counter[datetime] = Counter()
    told: set[datetime] = set()
    for slot, state, reason in rows:
        moment = datetime.fromisoformat(slot)
        if state not in TERMINAL:
            world.note(f"slot {slot} is {state} at the end")
        summary = SUMMARY.match(reason or "")
        if summary is None:
            own[moment] += 1
            continue
        first = datetime.fromisoformat(summary[2])
        covered = {first, *(each.at for each in schedule.slots_between(first, moment))}
        if len(covered) != int(summary[1]):
            world.note(f"the summary at {slot} tells of {summary[1]} slots, and there are {len(covered)}")
        told |= covered
    # the first life that came so far has said from when on slots are watched
    watched = datetime.fromisoformat(str(meta.get(ledger, sessions.SLOTS_FROM)))
    if not began <= watched <= began + timedelta(days=7):
        world.note(f"slots are watched from {watched} on, and life began at {began}")
    for due in schedule.slots_between(watched, world.clock()):
        count = own[due.at] + (due.at in told)
        if count != 1:
            world.note(f"slot {due.key} has {count} records")


def _check_requests(world: World, ledger: sqlite3.Connection) -> None:
    """What was acknowledged has ended, once, with a reason; and who ran was told what was asked."""
    states = dict(ledger.execute("SELECT session_id, state FROM sessions").fetchall())
    for wake_id, token in world.asked.items():
        state = states.get(wake_id)
        if state is not None and state not in TERMINAL:
            world.note(f"request {wake_id} was accepted and is {state}")
        elif state == "completed" and not world.heard[token]:
            world.note(f"request {wake_id} is completed and its message was never shown")
    nameless = ledger.execute(
        "SELECT session_id, state FROM sessions WHERE state <> 'completed' AND COALESCE(reason, '') = ''"
    )
    for session_id, state in nameless:
        world.note(f"session {session_id} is {state} without a reason")


def _check_own(world: World, ledger: sqlite3.Connection) -> None:
    """A wake that the resident set became one session at the most, and that session was told why."""
    rows = ledger.execute(
        """
        SELECT wakes.message, COUNT(*), SUM(sessions.state = 'completed') FROM wakes
        JOIN sessions ON sessions.session_id = wakes.id WHERE wakes.key LIKE 'self:%' GROUP BY wakes.message
        """
    )
    for reason, count, completed in rows:
        if count > 1:
            world.note(f"the own wake {reason!r} became {count} sessions")
        if completed and not any(world.heard[token] for token in TOKEN.findall(reason)):
            world.note(f"the own wake {reason!r} is completed and its reason was never shown")


def _check_caps(world: World, ledger: sqlite3.Connection, settings: Settings, *, slack: int) -> None:
    """So many wakes of a kind a day at the most; where clocks jump a day may be lived in part again."""
    caps = {
        "self": PER_DAY,
        "visitor": settings.schedule.visits_per_day,
        "correspondence": letters.PER_DAY,
        "correspondence, not begun": letters.PER_DAY,
    }
    made: Counter[tuple[str, object]] = Counter()
    rows = ledger.execute(
        """
        SELECT wakes.source, wakes.enqueued_at, sessions.started_at FROM wakes
        LEFT JOIN sessions ON sessions.session_id = wakes.id
        """
    )
    for source, moment, started in rows:
        # of letters as many again may come to nothing before they begin
        kind = f"{source}, not begun" if source == "correspondence" and started is None else source
        made[kind, datetime.fromisoformat(moment).astimezone(settings.resident.zone).date()] += 1
    for (source, day), count in made.items():
        if source in caps and count > caps[source] + slack:
            world.note(f"{count} wakes of {source} on {day}; {caps[source]} are allowed")


def _check_spend(world: World, ledger: sqlite3.Connection, settings: Settings) -> None:
    """No day cost more than it may, and a spent day refuses with a reason."""
    limit = settings.budget.day_usd
    for day, cost in ledger.execute("SELECT day, SUM(cost_usd) FROM spend GROUP BY day"):
        if limit and cost > limit + 1e-9:
            world.note(f"{day} cost {cost:.4f} USD; {limit} is the limit")
    for session_id, reason in ledger.execute("SELECT session_id, reason FROM sessions WHERE state = 'refused'"):
        if "budget" not in reason and "paused" not in reason:
            world.note(f"session {session_id} is refused for no reason of its own: {reason}")


def _check_repository(world: World, ledger: sqlite3.Connection, settings: Settings) -> None:
    """What sessions wrote is in the history, and the history is with the remote."""
    if not (settings.home / ".git").exists():
        return
    last = ledger.execute("SELECT verdict FROM hooks WHERE name = 'git' ORDER BY ended_at DESC LIMIT 1").fetchone()
    if last is not None and last[0] in ("done", "not_due"):
        for fault in repository.faults(settings.home):
            world.note(fault)


def _check_rest(world: World, ledger: sqlite3.Connection) -> None:
    for table in ("wakes", "sessions"):
        for state, count in ledger.execute(f"SELECT state, COUNT(*) FROM {table} GROUP BY state"):
            if state not in TERMINAL:
                world.note(f"{count} rows of {table} are {state} at the end")


def _check_status(world: World, settings: Settings) -> None:
    """Nothing runs, and nothing says so."""
    paths = settings.paths
    if paths.session_status.exists() and json.loads(paths.session_status.read_bytes())["active"] is not False:
        world.note("the status is active at the end")
    if any(paths.session_lock.read_bytes()):
        world.note("the session lock is held at the end")
    if paths.tmp.is_dir() and any(paths.tmp.iterdir()):
        world.note("private folders of sessions were left behind")


def _check_logs(world: World, ledger: sqlite3.Connection, settings: Settings) -> None:
    """Each session that ran has a log whose last lines name its exit code, as its readers expect."""
    for session_id, state in ledger.execute("SELECT session_id, state FROM sessions"):
        path = settings.paths.logs / f"session-{session_id}.log"
        if state in RAN and session_id in world.spawned:
            if not path.exists():
                world.note(f"session {session_id} has no log")
            elif not any("exit code:" in line for line in _last(path.read_text(), 5)):
                world.note(f"the log of session {session_id} ({state}) has no end")


def _last(text: str, count: int) -> Iterator[str]:
    yield from text.splitlines()[-count:]
