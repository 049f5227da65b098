"""`schedule impulse`: the coming wakes, the one the resident sets for itself, and its short wishes.

Everything here works on files and on the ledger, with or without a process running: the process looks at both.
"""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from runner.cli.context import AsJson, CliContext, Config, Home, moment, shell_of, words_of
from runner.cli.resident_commands import errands_of
from runner.errors import UsageError
from runner.ledger import LedgerView
from runner.tools.commands import ResidentCommands
from runner.triggers.impulses import URGENCIES, Impulse
from runner.triggers.selfwake import PER_DAY, Pending

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
    resident_commands = errands_of(shell, home, config)
    wished = [
        name for name, given in (("--at", at), ("--in", after), ("--status", status), ("--cancel", cancel)) if given
    ]
    if len(wished) > 1:
        raise UsageError(f"{' and '.join(wished)} don't go together; give one of them")
    if reason and not (at or after):
        raise UsageError("--reason goes with --at or --in")
    if at or after:
        _set(shell, resident_commands, at=at, after=after, reason=words_of(reason), as_json=as_json)
    elif status:
        _status(shell, resident_commands, as_json=as_json)
    elif cancel:
        before = resident_commands.cancel_wake()
        if as_json:
            shell.json({"cancelled": _pending_json(before, resident_commands)})
        else:
            shell.say(
                "nothing was set" if before is None else f"cancelled the wake of {_when(before, resident_commands)}"
            )
    else:
        _show(shell, resident_commands, limit, as_json=as_json)


def _set(
    shell: CliContext,
    resident_commands: ResidentCommands,
    *,
    at: str | None,
    after: str | None,
    reason: str,
    as_json: bool,
) -> None:
    wanted, before = resident_commands.set_wake(at=at, after=after, reason=reason)
    if as_json:
        shell.json(
            {"pending": _pending_json(wanted, resident_commands), "replaced": _pending_json(before, resident_commands)}
        )
        return
    shell.say(f"you will wake at {_when(wanted, resident_commands)}")
    if before is not None:
        shell.say(f"this replaces the wake of {_when(before, resident_commands)}")


def _status(shell: CliContext, resident_commands: ResidentCommands, *, as_json: bool) -> None:
    pending, left = resident_commands.own_wake()
    if as_json:
        shell.json(
            {"fired_today": PER_DAY - left, "remaining": left, "pending": _pending_json(pending, resident_commands)},
        )
        return
    shell.say(f"own wakes today: {PER_DAY - left} of {PER_DAY}, {left} left")
    shell.say("nothing is set" if pending is None else f"set for {_when(pending, resident_commands)}: {pending.reason}")


def _show(shell: CliContext, resident_commands: ResidentCommands, limit: int, *, as_json: bool) -> None:
    rows = _coming(resident_commands, limit)
    if as_json:
        shell.json([{"type": kind, "at": at} for kind, at in rows])
        return
    if not resident_commands.settings.schedule.enabled:
        shell.note("the scheduler is switched off (SCHEDULER_ENABLED=false): these slots wake nobody")
    shell.table(("type", "at"), rows, empty="nothing is scheduled")


def _coming(resident_commands: ResidentCommands, count: int) -> list[tuple[str, datetime]]:
    """The next slots, the own wake that is set, and what the queue holds for later, soonest first."""
    now, zone = resident_commands.now(), resident_commands.schedule.zone
    slots = [(slot.type, slot.at) for slot in resident_commands.schedule.upcoming(now, count)]
    with LedgerView.open(resident_commands.settings.paths.ledger) as ledger:
        queue = ledger.queue()
    later = [
        (wake.type, wake.not_before.astimezone(zone))
        for wake in queue
        if wake.slot is None and wake.not_before is not None and wake.not_before > now
    ]
    own = resident_commands.own_file.pending()
    if own is not None:
        later.append(("self", own.wake_at.astimezone(zone)))
    return sorted([*slots, *later], key=lambda row: row[1])


def _when(pending: Pending, resident_commands: ResidentCommands) -> str:
    return f"{pending.wake_at.astimezone(resident_commands.schedule.zone):%Y-%m-%d %H:%M}"


def _pending_json(pending: Pending | None, resident_commands: ResidentCommands) -> dict[str, object] | None:
    if pending is None:
        return None
    zone = resident_commands.schedule.zone
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
    resident_commands = errands_of(shell, home, config)
    now = shell.now().astimezone(resident_commands.schedule.zone)
    made = resident_commands.impulses.add(words_of(*words), now=now, urgency=urgency, life=timedelta(days=days))
    if as_json:
        shell.json(made)
    else:
        shell.say(f"{made.id} kept for {days} days")


def _list(context: typer.Context, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show the wishes that live, oldest first."""
    shell = shell_of(context)
    resident_commands = errands_of(shell, home, config)
    found = resident_commands.impulses.live(shell.now())
    if as_json:
        shell.json(found)
        return
    shell.table(
        ("id", "urgency", "until", "wish"), [_row(impulse, resident_commands) for impulse in found], empty="no impulses"
    )


def _drop(
    context: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `impulse list` shows it.")],
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Let go of a wish."""
    shell = shell_of(context)
    resident_commands = errands_of(shell, home, config)
    gone = resident_commands.impulses.drop(identity, now=shell.now().astimezone(resident_commands.schedule.zone))
    if as_json:
        shell.json(gone)
    else:
        shell.say(f"{gone.id} dropped")


def _row(impulse: Impulse, resident_commands: ResidentCommands) -> tuple[object, ...]:
    try:
        until: object = moment(impulse.expires_at, resident_commands.schedule.zone)
    except ValueError:
        until = impulse.expires_at or None
    return (impulse.id, impulse.urgency, until, impulse.body)
