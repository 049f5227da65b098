"""`schedule impulse`: the coming wakes, the one the resident sets for itself, and its short wishes.

Everything here works on files and on the ledger, with or without a process running: the process looks at both.
"""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from runner.cli.shell import AsJson, Config, Home, Shell, moment, shell_of
from runner.errors import UsageError
from runner.ledger import LedgerView
from runner.schedule import Schedule, load_schedule
from runner.settings import Settings
from runner.triggers.desk import own_file
from runner.triggers.impulses import URGENCIES, Impulse, Impulses
from runner.triggers.own import LOOKED_BACK
from runner.triggers.selfwake import KEY, PER_DAY, Fired, Pending, check, moment_at, moment_in, remaining
from runner.triggers.selfwake_file import SelfWakeFile

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("schedule")(_schedule)
    impulses = typer.Typer(help="Short wishes that the resident leaves itself; its context shows them.")
    impulses.command("add")(_add)
    impulses.command("list")(_list)
    impulses.command("drop")(_drop)
    app.add_typer(impulses, name="impulse")


def _schedule(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many slots.")] = 8,
    at: Annotated[str | None, typer.Option("--at", metavar="HH:MM", help="Set a wake of your own for then.")] = None,
    after: Annotated[
        str | None, typer.Option("--in", metavar="SPAN", help="Set it for 2h, 45m or 1h30m from now.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; you will read it then.")] = "",
    status: Annotated[bool, typer.Option("--status", help="Show what is set, and what today still allows.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Unset it.")] = False,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show the coming slots and the wakes that are set for a time, or set one of the resident's own.

    One own wake is set at a time, at least 30 minutes from every slot, three begin a day at most.
    """
    shell = shell_of(context)
    settings = shell.load(home, config).settings
    wished = [
        name for name, given in (("--at", at), ("--in", after), ("--status", status), ("--cancel", cancel)) if given
    ]
    if len(wished) > 1:
        raise UsageError(f"{' and '.join(wished)} don't go together; give one of them")
    if reason and not (at or after):
        raise UsageError("--reason goes with --at or --in")
    schedule = load_schedule(settings.resident.zone)
    file = own_file(settings.paths.data, schedule)
    if at or after:
        _set(shell, settings, schedule, file, at=at, after=after, reason=reason, as_json=as_json)
    elif status:
        _status(shell, settings, file, as_json=as_json)
    elif cancel:
        before = file.clear()
        if as_json:
            shell.json({"cancelled": _pending_json(before, settings)})
        else:
            shell.say("nothing was set" if before is None else f"cancelled the wake of {_when(before, settings)}")
    else:
        _show(shell, settings, schedule, limit, as_json=as_json)


def _set(
    shell: Shell,
    settings: Settings,
    schedule: Schedule,
    file: SelfWakeFile,
    *,
    at: str | None,
    after: str | None,
    reason: str,
    as_json: bool,
) -> None:
    now, zone = shell.now(), settings.resident.zone
    wake_at = moment_at(at, now, zone) if at else moment_in(after or "", now, zone)
    wanted = Pending(wake_at=wake_at, reason=reason.strip(), created_at=now)
    quiet = timedelta(minutes=settings.schedule.quiet_minutes)
    check(wanted, schedule, fired=_fired(settings, file, now), now=now, quiet=quiet)
    before = file.set(wanted)
    if as_json:
        shell.json({"pending": _pending_json(wanted, settings), "replaced": _pending_json(before, settings)})
        return
    shell.say(f"you will wake at {_when(wanted, settings)}")
    if before is not None:
        shell.say(f"this replaces the wake of {_when(before, settings)}")


def _status(shell: Shell, settings: Settings, file: SelfWakeFile, *, as_json: bool) -> None:
    now = shell.now()
    left = remaining(_fired(settings, file, now), now.astimezone(settings.resident.zone).date())
    pending = file.pending()
    if as_json:
        shell.json(
            {"fired_today": PER_DAY - left, "remaining": left, "pending": _pending_json(pending, settings)},
        )
        return
    shell.say(f"own wakes today: {PER_DAY - left} of {PER_DAY}, {left} left")
    shell.say("nothing is set" if pending is None else f"set for {_when(pending, settings)}: {pending.reason}")


def _show(shell: Shell, settings: Settings, schedule: Schedule, limit: int, *, as_json: bool) -> None:
    rows = _coming(shell, settings, schedule, limit)
    if as_json:
        shell.json([{"type": kind, "at": at} for kind, at in rows])
        return
    if not settings.schedule.enabled:
        shell.note("the scheduler is switched off (SCHEDULER_ENABLED=false): these slots wake nobody")
    shell.table(("type", "at"), rows, empty="nothing is scheduled")


def _coming(shell: Shell, settings: Settings, schedule: Schedule, count: int) -> list[tuple[str, datetime]]:
    """The next slots, the own wake that is set, and what the queue holds for later, soonest first."""
    now, zone = shell.now(), settings.resident.zone
    slots = [(slot.type, slot.at) for slot in schedule.upcoming(now, count)]
    with LedgerView.open(settings.paths.ledger) as ledger:
        queue = ledger.queue()
    later = [
        (wake.type, wake.not_before.astimezone(zone))
        for wake in queue
        if wake.slot is None and wake.not_before is not None and wake.not_before > now
    ]
    own = own_file(settings.paths.data, schedule).pending()
    if own is not None:
        later.append(("self", own.wake_at.astimezone(zone)))
    return sorted([*slots, *later], key=lambda row: row[1])


def _fired(settings: Settings, file: SelfWakeFile, now: datetime) -> tuple[Fired, ...]:
    """The own wakes that began, and those that wait in the queue already."""
    with LedgerView.open(settings.paths.ledger) as ledger:
        waiting = [wake for wake in ledger.keyed(KEY, now - LOOKED_BACK) if wake.state in {"queued", "claimed"}]
    zone = settings.resident.zone
    return (*file.fired(), *(Fired(wake.enqueued_at.astimezone(zone).date(), wake.enqueued_at) for wake in waiting))


def _when(pending: Pending, settings: Settings) -> str:
    return f"{pending.wake_at.astimezone(settings.resident.zone):%Y-%m-%d %H:%M}"


def _pending_json(pending: Pending | None, settings: Settings) -> dict[str, object] | None:
    if pending is None:
        return None
    zone = settings.resident.zone
    return {
        "wake_at": pending.wake_at.astimezone(zone),
        "reason": pending.reason,
        "created_at": pending.created_at.astimezone(zone),
    }


# -- impulse --------------------------------------------------------------------------------------------------------


def _add(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="The wish, 280 characters at most.")],
    urgency: Annotated[str, typer.Option("--urgency", metavar="LEVEL", help=", ".join(URGENCIES))] = URGENCIES[-1],
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, max=365, help="How long it lives.")] = 7,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Leave a wish."""
    shell = shell_of(context)
    settings = shell.load(home, config).settings
    now = shell.now().astimezone(settings.resident.zone)
    made = Impulses(settings.paths.data).add(" ".join(words), now=now, urgency=urgency, life=timedelta(days=days))
    if as_json:
        shell.json(made)
    else:
        shell.say(f"{made.id} kept for {days} days")


def _list(context: typer.Context, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show the wishes that live, oldest first."""
    shell = shell_of(context)
    settings = shell.load(home, config).settings
    found = Impulses(settings.paths.data).live(shell.now())
    if as_json:
        shell.json(found)
        return
    shell.table(("id", "urgency", "until", "wish"), [_row(impulse, settings) for impulse in found], empty="no impulses")


def _drop(
    context: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `impulse list` shows it.")],
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Let go of a wish."""
    shell = shell_of(context)
    settings = shell.load(home, config).settings
    gone = Impulses(settings.paths.data).drop(identity, now=shell.now().astimezone(settings.resident.zone))
    if as_json:
        shell.json(gone)
    else:
        shell.say(f"{gone.id} dropped")


def _row(impulse: Impulse, settings: Settings) -> tuple[object, ...]:
    try:
        until: object = moment(impulse.expires_at, settings.resident.zone)
    except ValueError:
        until = impulse.expires_at or None
    return (impulse.id, impulse.urgency, until, impulse.body)
