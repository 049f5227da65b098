"""`sessions queue dead-letters`: what happened and what waits. All work with no process running."""

from typing import Annotated, Any

import typer

from runner.cli.context import AsJson, Config, Home, moment, shell_of
from runner.control.client import NoProcessError
from runner.control.protocol import ResendParams
from runner.ledger import LedgerView, SessionRow

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sessions")(_sessions)
    app.command("queue")(_queue)
    app.command("dead-letters")(_dead_letters)


def _sessions(
    context: typer.Context,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the newest N.")] = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show the sessions, newest first: those that ran, and those that could not and why."""
    shell = shell_of(context)
    settings = shell.load(home, config).settings
    with LedgerView.open(settings.paths.ledger) as ledger:
        rows = ledger.sessions(limit)
    if as_json:
        shell.json([row.as_json() for row in rows])
        return
    columns = ("session", "type", "state", "took", "turns", "cost", "backend", "note")
    shell.table(columns, [_session_row(row) for row in rows], empty="no sessions yet", whole=7)


def _queue(context: typer.Context, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show the wakes that wait or run, in the order in which they will."""
    shell = shell_of(context)
    settings = shell.load(home, config).settings
    with LedgerView.open(settings.paths.ledger) as ledger:
        wakes = ledger.queue()
    if as_json:
        shell.json([wake.as_json() for wake in wakes])
        return
    columns = ("id", "type", "state", "source", "enqueued", "not before", "attempts")
    zone = settings.resident.zone
    rows = [
        (
            wake.id,
            wake.type,
            wake.state,
            wake.source,
            moment(wake.enqueued_at, zone),
            moment(wake.not_before, zone),
            wake.attempts,
        )
        for wake in wakes
    ]
    shell.table(columns, rows, empty="nothing waits")


def _dead_letters(
    context: typer.Context,
    action: Annotated[str | None, typer.Argument(metavar="[resend", help="`resend` sends one again, once.")] = None,
    identity: Annotated[int | None, typer.Argument(metavar="ID]", help="Which one to send again.")] = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show messages that no actor could handle, by class and key. They live as long as the process."""
    shell = shell_of(context)
    socket = shell.load(home, config).settings.paths.control_socket
    if action is not None:
        if action != "resend" or identity is None:
            raise typer.BadParameter(f"{action!r}: allowed is `dead-letters resend ID`, or nothing", ctx=context)
        found = shell.ask(socket, "resend", ResendParams(identity)).result
        assert isinstance(found, dict)
        if as_json:
            shell.json(found)
        else:
            shell.say(f"dead letter {identity} went to {found['actor']} again: {found['accepted']}")
        return
    rows: Any
    try:
        rows = shell.ask(socket, "dead_letters").result
    except NoProcessError:
        shell.note("no process is running; dead letters live in its memory, so there are none")
        rows = []
    if as_json:
        shell.json(rows)
        return
    columns = ("id", "actor", "message", "key", "attempts", "at", "why")
    shell.table(columns, [_letter_row(row) for row in rows], empty="no dead letters")


def _session_row(row: SessionRow) -> tuple[object, ...]:
    bad = [f"{hook.name} {hook.verdict}" for hook in row.hooks if hook.verdict not in {"done", "not_due", None}]
    notes = [row.reason or "", *bad]
    return (
        row.session_id,
        row.type,
        row.state,
        None if row.duration_seconds is None else f"{row.duration_seconds:.1f} s",
        row.num_turns,
        None if row.cost_usd is None else f"${row.cost_usd:.4f}",
        row.backend,
        ", ".join(note for note in notes if note) or None,
    )


def _letter_row(row: dict[str, Any]) -> tuple[object, ...]:
    why = (row.get("error") or row.get("reason") or "").strip().splitlines()
    return (
        row["id"],
        row["actor"],
        row["message"],
        row.get("label"),
        row["attempts"],
        row["at"],
        why[-1] if why else None,
    )
