"""`ps restart stop start kill reload`: the actors of the running process, over its control socket."""

from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from runner.cli.context import AsJson, Config, Home, moment, shell_of
from runner.control.protocol import ActorParams, Answer, RestartParams

__all__ = ["register"]

Name = Annotated[str, typer.Argument(metavar="NAME", help="The actor's name, as `ps` shows it.")]

# An action ends when its actor does: the longest grace of an actor and the time its cancellation may take, with room.
ACTION_SECONDS = 60.0


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command("ps")
    def _ps(context: typer.Context, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
        """Show every actor with its state."""
        shell = shell_of(context)
        settings = shell.load(home, config).settings
        rows = shell.ask(settings.paths.control_socket, "ps").result
        assert isinstance(rows, list)
        if as_json:
            shell.json(rows)
            return
        columns = ("name", "state", "since", "life", "restarts", "queue", "oldest", "critical", "note")
        shell.table(columns, [_ps_row(row, settings.resident.zone) for row in rows], empty="no actors")

    @app.command("restart")
    def _restart(
        context: typer.Context,
        name: Name,
        drain: Annotated[bool, typer.Option("--drain", help="Let the work under way end first, however long.")] = False,
        home: Home = None,
        config: Config = None,
        as_json: AsJson = False,
    ) -> None:
        """Restart one actor with grace; nothing it was told is lost."""
        _act(
            context,
            "restart",
            RestartParams(name, drain),
            home,
            config,
            as_json,
            within=None if drain else ACTION_SECONDS,
        )

    @app.command("stop")
    def _stop(
        context: typer.Context, name: Name, home: Home = None, config: Config = None, as_json: AsJson = False
    ) -> None:
        """Stop one actor with grace; what it is told waits."""
        _act(context, "stop", ActorParams(name), home, config, as_json)

    @app.command("start")
    def _start(
        context: typer.Context, name: Name, home: Home = None, config: Config = None, as_json: AsJson = False
    ) -> None:
        """Start an actor that is stopped or failed."""
        _act(context, "start", ActorParams(name), home, config, as_json)

    @app.command("kill")
    def _kill(
        context: typer.Context, name: Name, home: Home = None, config: Config = None, as_json: AsJson = False
    ) -> None:
        """End one actor at once, as a crash would; it is restarted by its rule."""
        _act(context, "kill", ActorParams(name), home, config, as_json)

    @app.command("reload")
    def _reload(context: typer.Context, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
        """Read all settings again; one wrong setting changes nothing."""
        shell = shell_of(context)
        answer = shell.ask(_socket(context, home, config), "reload", within=ACTION_SECONDS, telling="reloading")
        found = answer.result
        assert isinstance(found, dict)
        if as_json:
            shell.json(found)
        else:
            shell.say(f"in force now: {_names(found.get('live'))}")
            shell.say(f"actors restarted: {_names(found.get('restarted'))}")
            shell.say(f"waiting for the next start of the process: {_names(found.get('waiting'))}")
        raise typer.Exit(answer.exit_code)


def _act(
    context: typer.Context,
    action: str,
    params: ActorParams | RestartParams,
    home: Path | None,
    config: Path | None,
    as_json: bool,
    *,
    within: float | None = ACTION_SECONDS,
) -> None:
    shell = shell_of(context)
    socket = _socket(context, home, config)
    answer: Answer = shell.ask(socket, action, params, within=within, telling=f"{action} {params.name}")
    found = answer.result
    assert isinstance(found, dict)
    if as_json:
        shell.json(found)
    else:
        shell.say(found.get("message") or f"{action} {params.name}: {found.get('state', 'done')}")
    raise typer.Exit(answer.exit_code)


def _socket(context: typer.Context, home: Path | None, config: Path | None) -> Path:
    return shell_of(context).load(home, config).settings.paths.control_socket


def _ps_row(row: dict[str, Any], zone: ZoneInfo) -> tuple[object, ...]:
    state = " ".join([row["state"], *(word for word in ("paused", "draining") if row.get(word))])
    oldest = row.get("oldest_message_s")
    return (
        row["name"],
        state,
        moment(row.get("since"), zone),
        row.get("incarnation"),
        row["restarts"],
        row["queue"],
        None if oldest is None else f"{oldest:.1f} s",
        row["critical"],
        _last_line(row),
    )


def _last_line(row: dict[str, Any]) -> str:
    text: str = row.get("reason") or row.get("last_error") or ""
    return text.strip().rpartition("\n")[2]


def _names(values: Any) -> str:
    return ", ".join(values) if values else "none"
