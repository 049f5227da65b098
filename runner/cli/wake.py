"""`wake`: one session, through the running process when there is one, else on its own under the same lock."""

from pathlib import Path
from typing import Annotated, Any, Final

import attrs
import typer

from runner.cli import offline
from runner.cli.context import AsJson, CliContext, Config, Home, shell_of, words_of
from runner.control.client import NoProcessError
from runner.control.protocol import EXIT_BUSY, Answer, WakeParams
from runner.schedule import SLOT_TYPES
from runner.settings import Settings
from runner.triggers.intake import check

__all__ = ["register"]

_USUAL: Final = "morning"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("wake")
    def _wake(
        context: typer.Context,
        kind: Annotated[
            str, typer.Argument(metavar="[TYPE]", help=f"A slot ({', '.join(SLOT_TYPES)}), custom, self, …")
        ] = _USUAL,
        message: Annotated[
            str, typer.Argument(metavar="[MESSAGE]", help="A prompt, a reason, a visitor's words.")
        ] = "",
        sender: Annotated[str | None, typer.Option("--sender", metavar="NAME", help="Who says it.")] = None,
        image: Annotated[
            Path | None, typer.Option("--image", metavar="FILE", help="A picture that comes with it.")
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Print both prompts and run nothing.")] = False,
        without_network: Annotated[
            bool, typer.Option("--offline", help="With --dry-run: ask nothing beyond this machine.")
        ] = False,
        max_turns: Annotated[int | None, typer.Option("--max-turns", metavar="N", min=1, max=1000)] = None,
        wait: Annotated[
            float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for a running session.")
        ] = 0.0,
        verbose: Annotated[
            bool, typer.Option("--verbose", "-v", help="Print what is written, as it is written.")
        ] = False,
        home: Home = None,
        config: Config = None,
        as_json: AsJson = False,
    ) -> None:
        """Wake the resident once and follow it to the end.

        While wakes are paused, or with a budget spent, none is begun: `resume` ends a pause. With no process running
        only this wake runs; others stay in the queue for one.

        Exit codes: 0 done, 1 refused, 75 another session runs (see --wait), 124 deadline, 127 the model's program is
        missing, else what the model's program ended with.
        """
        shell = shell_of(context)
        settings = shell.load(home, config).settings
        if image is not None and not image.is_file():
            raise typer.BadParameter(f"--image {image} is no file", ctx=context)
        picture = None if image is None else str(image.resolve())
        params = WakeParams(kind, words_of(message), sender and words_of(sender), picture, max_turns, wait)
        check(params.request())
        if dry_run:
            options = {"without_network": without_network, "as_json": as_json, "verbose": verbose}
            _show_prompts(shell, settings, params, **options)
            return
        if without_network:
            raise typer.BadParameter("--offline goes with --dry-run: a wake gathers what it can reach", ctx=context)
        follower = WakePrinter(shell, verbose=verbose and not as_json)
        answer = _through_process(shell, settings, params, follower)
        if answer is None:
            answer = offline.wake(shell, settings, params, follower.step)
        raise typer.Exit(_tell(shell, answer, as_json=as_json))


@attrs.define(eq=False)
class WakePrinter:
    """Tells a person how the wake goes on: words with --verbose, else one line for each step."""

    shell: CliContext
    verbose: bool
    _writing: bool = attrs.field(default=False, init=False)

    def step(self, progress: dict[str, Any]) -> None:
        """Take one step of a WakeProgress, as JSON has it."""
        match progress.get("stage"):
            case "text":
                if self.verbose:
                    self.shell.write(progress.get("text", ""))
                    self.shell.out.flush()
                    self._writing = True
            case "queued":
                self._line(f"{progress['session_id']} waits {progress.get('detail', '')}".rstrip())
            case "started":
                self._line(f"{progress['session_id']} began {progress.get('detail', '')}".rstrip())
            case "tool" | "hooks" | "waiting" as stage:
                detail = progress.get("detail")
                self._line(f"{stage}: {detail}" if detail else str(stage))
            case _:
                self._line("")

    def _line(self, text: str) -> None:
        if self._writing:
            self.shell.say()
            self._writing = False
        if text and (self.verbose or self.shell.err.isatty()):
            self.shell.note(text)


def _through_process(shell: CliContext, settings: Settings, params: WakeParams, follower: WakePrinter) -> Answer | None:
    """The answer of the running process, or None when none runs. There is no deadline: a session has its own."""
    try:
        return shell.ask(settings.paths.control_socket, "wake", params, within=None, on_progress=follower.step)
    except NoProcessError:
        return None


def _tell(shell: CliContext, answer: Answer, *, as_json: bool) -> int:
    result = answer.result
    assert isinstance(result, dict)
    if as_json:
        shell.json(result)
        return answer.exit_code
    parts = [f"{result['session_id']} {result['state']}"]
    if result.get("num_turns") is not None:
        parts.append(f"{result['num_turns']} turns")
    if result.get("cost_usd") is not None:
        parts.append(f"${result['cost_usd']:.4f}")
    if result.get("reason"):
        parts.append(str(result["reason"]))
    shell.say(", ".join(parts))
    if answer.exit_code == EXIT_BUSY:
        shell.note("another session runs; this one stays in the queue and begins when its turn comes (see: queue)")
    return answer.exit_code


def _show_prompts(
    shell: CliContext, settings: Settings, params: WakeParams, *, without_network: bool, as_json: bool, verbose: bool
) -> None:
    with shell.busy("gathering"):
        prompts = offline.dry_run(shell, settings, params, without_network=without_network)
    if as_json:
        more = {"sections": dict(prompts.sections), "missing": dict(prompts.missing), "cuts": list(prompts.cuts)}
        shown = {"type": params.type, "system": prompts.system, "user": prompts.user}
        shell.json(shown | more if verbose else shown)
        return
    shell.say("=== SYSTEM PROMPT ===")
    shell.say(prompts.system)
    shell.say("=== USER PROMPT ===")
    shell.say(prompts.user)
    if verbose:
        rows = [(name, f"{size:,}", prompts.missing.get(name, "")) for name, size in prompts.sections.items()]
        shell.say("=== SECTIONS ===")
        shell.table(("section", "characters", "missing, because"), rows, empty="")
        for cut in prompts.cuts:
            shell.say(f"left out: {cut}")
