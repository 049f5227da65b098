"""What a session without a shell is given: the tools of its home, and the resident's commands as tools."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import attrs

from runner.errors import RunnerError
from runner.tools.capabilities import COMMANDS, Grant
from runner.tools.commands import ResidentCommands
from runner.tools.errors import RefusedToolError
from runner.tools.files import HomeTools, ToolAnswer, schema, word
from runner.triggers.impulses import URGENCIES, USUAL_LIFE
from runner.triggers.selfwake import PER_DAY, Pending

__all__ = ["SessionTools"]


@attrs.frozen(eq=False)
class SessionTools:
    """The tools of one session. All of it blocks: `call` runs in a thread."""

    files: HomeTools
    resident_commands: ResidentCommands | None = None

    @classmethod
    def of(cls, files: HomeTools, resident_commands: ResidentCommands | None, grant: Grant) -> "SessionTools":
        """The tools that a session with this grant has."""
        mine = attrs.evolve(files, grant=grant)
        return cls(mine, None if resident_commands is None else attrs.evolve(resident_commands, grant=grant))

    def commands(self) -> tuple[str, ...]:
        grant = self.resident_commands.grant if self.resident_commands is not None else None
        return tuple(name for name in COMMANDS if grant is not None and name in grant.commands)

    def names(self) -> tuple[str, ...]:
        return (*self.files.names(), *self.commands())

    def definitions(self) -> list[dict[str, Any]]:
        """As the Messages API wants them."""
        commands = [(name, COMMANDS[name]) for name in self.commands()]
        return [
            *self.files.definitions(),
            *(
                {"name": name, "description": command.about, "input_schema": schema(command.takes, command.needs)}
                for name, command in commands
            ),
        ]

    def call(self, name: str, given: Mapping[str, Any]) -> ToolAnswer:
        """Do it. Whatever is wrong comes back as an answer marked as an error: the resident can read it and go on."""
        if self.resident_commands is None or name not in self.commands():
            return self.files.call(name, given, also=self.commands())
        actions: Mapping[str, Callable[[ResidentCommands, Mapping[str, Any]], str]] = {
            "letter": _letter,
            "schedule": _schedule,
            "impulse": _impulse,
        }
        try:
            return ToolAnswer(actions[name](self.resident_commands, given))
        except (RefusedToolError, RunnerError) as refusal:
            return ToolAnswer(str(refusal), is_error=True)
        except OSError as error:
            return ToolAnswer(f"{name} failed: {error.strerror or error}", is_error=True)


def _letter(resident_commands: ResidentCommands, given: Mapping[str, Any]) -> str:
    to = word(given, "to")
    sent = resident_commands.letter(to, word(given, "text"), reply_to=word(given, "reply_to", empty=True) or None)
    return f"{sent.id} to {to}"


def _schedule(resident_commands: ResidentCommands, given: Mapping[str, Any]) -> str:
    match word(given, "action", empty=True) or "set":
        case "set":
            at, after = (word(given, member, empty=True) or None for member in ("at", "in"))
            if (at is None) == (after is None):
                raise RefusedToolError("give either at (HH:MM) or in (such as 2h), and a reason")
            wanted, before = resident_commands.set_wake(at=at, after=after, reason=word(given, "reason"))
            replaced = f"; this replaces the wake of {_when(resident_commands, before)}" if before is not None else ""
            return f"you will wake at {_when(resident_commands, wanted)}{replaced}"
        case "status":
            pending, left = resident_commands.own_wake()
            told = (
                "nothing is set"
                if pending is None
                else f"set for {_when(resident_commands, pending)}: {pending.reason}"
            )
            return f"own wakes today: {PER_DAY - left} of {PER_DAY}, {left} left; {told}"
        case "cancel":
            gone = resident_commands.cancel_wake()
            return "nothing was set" if gone is None else f"cancelled the wake of {_when(resident_commands, gone)}"
        case other:
            raise RefusedToolError(f"action {other!r} is none of set, status, cancel")


def _impulse(resident_commands: ResidentCommands, given: Mapping[str, Any]) -> str:
    now = resident_commands.now().astimezone(resident_commands.schedule.zone)
    match word(given, "action"):
        case "add":
            urgency = word(given, "urgency", empty=True) or URGENCIES[-1]
            made = resident_commands.impulses.add(word(given, "words"), now=now, urgency=urgency)
            return f"{made.id} kept for {USUAL_LIFE // timedelta(days=1)} days"
        case "list":
            lines = [f"{one.id} ({one.urgency}): {one.body}" for one in resident_commands.impulses.live(now)]
            return "\n".join(lines) or "no impulses"
        case "drop":
            return f"{resident_commands.impulses.drop(word(given, 'id'), now=now).id} dropped"
        case other:
            raise RefusedToolError(f"action {other!r} is none of add, list, drop")


def _when(resident_commands: ResidentCommands, pending: Pending) -> str:
    return f"{pending.wake_at.astimezone(resident_commands.schedule.zone):%Y-%m-%d %H:%M}"
