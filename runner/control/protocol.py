"""What is said over the control socket, in types.

JSON messages over WebSocket on a unix socket. A request is `{"id", "command", "params"}`. Any number of
`{"id", "progress"}` may follow, then exactly one `{"id", "ok", "result" | "error", "exit_code"}`. Requests on one
connection run side by side; a client that leaves ends what it was waiting for, never what it had started.

The command functions are handed in by whoever wires the process: nothing here knows an actor.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final, Generic, Literal, Protocol, TypeAlias, TypeVar

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn

from runner.ledger import WakeRequest

P = TypeVar("P")

EXIT_OK: Final = 0
EXIT_WRONG: Final = 1
EXIT_USAGE: Final = 2
EXIT_GAVE_UP: Final = 70
EXIT_BUSY: Final = 75

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_HALF: Final = re.compile("[\ud800-\udfff]")


class Wire(Protocol):
    """One connection that carries text messages; both ends raise WireClosed when it is over."""

    async def receive(self) -> str: ...
    async def send(self, text: str) -> None: ...


class WireClosed(Exception):
    """The other side has left, or the connection broke."""


class CommandError(Exception):
    """A command can't be carried out: one line for a person, a kind for programs, an exit code for scripts."""

    def __init__(self, kind: str, message: str, *, exit_code: int = EXIT_WRONG) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.exit_code = exit_code


@attrs.frozen
class Caller:
    """Who asks, as the kernel vouches for it; -1 where the connection can't tell."""

    pid: int = -1
    uid: int = -1
    name: str = "control socket"

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid}, uid {self.uid})" if self.pid >= 0 else self.name


@attrs.frozen
class Call:
    """What a command function gets beside its parameters."""

    caller: Caller
    progress: Callable[[object], Awaitable[None]]


@attrs.frozen
class Answer:
    """A result with an exit code other than 0. A function may return a plain result instead."""

    result: object
    exit_code: int = EXIT_OK


@attrs.frozen
class Command(Generic[P]):
    """One entry of the table that a server is given.

    `within` is the time limit in seconds of one call; None is for calls that last as long as their caller stays
    (events, a wake that is followed to its end).
    """

    params: type[P]
    run: Callable[[P, Call], Awaitable[object]]
    within: float | None = 5.0


Commands: TypeAlias = Mapping[str, Command[Any]]


# -- parameters -----------------------------------------------------------------------------------------------------


@attrs.frozen
class Nothing:
    """ps, dead_letters, reload, schedule, status."""


@attrs.frozen
class ActorParams:
    """stop, start, kill."""

    name: str


@attrs.frozen
class RestartParams:
    """restart; `drain` lets the work under way end first."""

    name: str
    drain: bool = False


@attrs.frozen
class WakeParams:
    """wake; `wait` is how many seconds it may stand in the queue before the caller is told `busy` (75)."""

    type: str
    message: str = ""
    sender: str | None = None
    image: str | None = None
    max_turns: int | None = None
    wait: float = 0.0

    def request(self) -> WakeRequest:
        """What is asked of the queue, the same with a running process and without one."""
        return WakeRequest(
            type=self.type,
            source="command",
            message=self.message,
            sender=self.sender or "",
            image=self.image,
            max_turns=self.max_turns,
        )


@attrs.frozen
class EventsParams:
    """events; the last `recent` ones come first."""

    recent: int = 0


@attrs.frozen
class ResendParams:
    """resend."""

    id: int


# -- results --------------------------------------------------------------------------------------------------------


@attrs.frozen
class ActorRow:
    """One line of `ps`; the fields up to `critical` are relied on by other programs."""

    name: str
    state: str
    restarts: int
    queue: int
    oldest_message_s: float | None
    last_error: str | None
    critical: bool
    incarnation: int = 0
    reason: str | None = None
    since: str | None = None
    paused: bool | None = None
    draining: bool | None = None


@attrs.frozen
class ActionResult:
    """What became of restart, stop, start or kill."""

    name: str
    action: str
    state: str
    message: str = ""


@attrs.frozen
class WakeProgress:
    """One step of a wake that is followed. `text` carries words as they are written, `detail` names a tool or hook."""

    stage: Literal["queued", "started", "text", "tool", "waiting", "hooks", "ended"]
    session_id: str
    text: str = ""
    detail: str = ""


@attrs.frozen
class WakeResult:
    """How a wake ended; `state` is `queued` when the caller's patience ended before its turn came, and `running` when
    its end is not recorded yet.
    """

    session_id: str
    state: str
    reason: str | None = None
    cost_usd: float | None = None
    num_turns: int | None = None


@attrs.frozen
class DeadLetterRow:
    """One dead letter: class and key, never the text."""

    id: int
    actor: str
    message: str
    attempts: int
    error: str | None
    at: str
    label: str = ""
    reason: str = ""


@attrs.frozen
class ResendResult:
    """Where a dead letter went."""

    id: int
    actor: str
    accepted: str


@attrs.frozen
class ReloadResult:
    """What a reload changed: live at once, by restarting an actor, or only at the next start of the process."""

    live: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@attrs.frozen
class ResumeResult:
    """Whether scheduled wakes were paused, and why."""

    resumed: bool
    reason: str = ""


@attrs.frozen
class SlotRow:
    """One coming slot or impulse."""

    type: str
    at: str


@attrs.frozen
class StatusResult:
    """The process as a whole."""

    pid: int
    url: str
    home: str
    version: str
    backend: str
    started_at: str
    ready: bool = True
    session_id: str | None = None


# -- messages -------------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Request:
    """One question on a connection."""

    id: str
    command: str
    params: Mapping[str, Any]


def encode(value: object) -> str:
    """JSON text of anything our results are made of."""
    text = json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
    if text.isascii() or not _HALF.search(text):
        return text
    return json.dumps(value, default=_plain, separators=(",", ":"))  # a file's name may hold bytes that are no UTF-8


def plain(value: object) -> Any:
    """The same value as a reader of the JSON sees it."""
    return json.loads(encode(value))


def read_request(text: str) -> Request:
    """Check one incoming message; what is wrong with it is said by name."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise CommandError("bad_request", f"not JSON: {error}", exit_code=EXIT_USAGE) from error
    if not isinstance(data, dict):
        raise CommandError("bad_request", "a request is a JSON object", exit_code=EXIT_USAGE)
    identity, command, params = data.get("id"), data.get("command"), data.get("params", {})
    if not isinstance(identity, str | int) or not isinstance(command, str) or not isinstance(params, dict):
        raise CommandError(
            "bad_request", 'a request is {"id": text, "command": text, "params": object}', exit_code=EXIT_USAGE
        )
    return Request(id=str(identity), command=command, params=params)


def read_params(params: type[P], given: Mapping[str, Any], *, command: str) -> P:
    """Turn JSON into a parameter object; unknown, missing and ill-typed fields are refused by name."""
    names = {field.name for field in attrs.fields(_attrs(params))}
    unknown = sorted(set(given) - names)
    if unknown:
        allowed = ", ".join(sorted(names)) or "none"
        raise CommandError(
            "bad_request", f"{command}: unknown parameter {unknown[0]!r}; allowed: {allowed}", exit_code=EXIT_USAGE
        )
    try:
        return _converter().structure(dict(given), params)
    except (cattrs.BaseValidationError, ValueError, TypeError, KeyError) as error:
        detail = "; ".join(cattrs.transform_error(error, path=command))
        raise CommandError("bad_request", detail, exit_code=EXIT_USAGE) from error


def _attrs(params: type[Any]) -> Any:
    return params


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in (str, bool, int, float):
        converter.register_structure_hook(kind, _strict(kind))
    converter.register_structure_hook_factory(
        attrs.has, lambda kind: make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)
    )
    return converter


def _strict(kind: type[Any]) -> Callable[[Any, Any], Any]:
    """No silent conversion: a text where a number belongs is a mistake of the sender. A whole number may be a float."""

    def structure(value: Any, _: Any) -> Any:
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(f"must be {kind.__name__}, not {value!r}")
        return value

    return structure


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case datetime() | date():
            return value.isoformat()
        case Path():
            return str(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case set() | frozenset():
            return sorted(value, key=str)
        case Mapping():
            return dict(value)
        case tuple():
            return list(value)
        case _ if attrs.has(type(value)):
            return {
                field.name: getattr(value, field.name)
                for field in attrs.fields(_attrs(type(value)))
                if not field.name.startswith("_")
            }
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")
