"""Is it alive, and is it ready?"""

import enum
import os
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from quart import Blueprint

from runner.content.entry import dump
from web.api import responses as answers
from web.api.operations import Operation, offer, shaped
from web.api.request import ApiRequest
from web.api.responses import ApiResponse
from web.services import ActorView, Services

FOLDERS = ("thoughts", "dreams")
GOOD = frozenset({"running", "stopped"})
"""A stopped actor is not configured, or was stopped by the operator: nobody has to be called."""


@attrs.frozen
class Alive:
    """The loop runs."""

    status: str = shaped(enum=["alive"])


@attrs.frozen
class Check:
    """One thing that was looked at; the message says what is wrong."""

    name: str
    status: str = shaped(enum=["ok", "failed"])
    message: str | None = shaped()


@attrs.frozen
class Readiness:
    """Whether it is ready, and what that was judged by."""

    status: str = shaped(enum=["ready", "not_ready"])
    checks: tuple[Check, ...] = shaped()


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("health", __name__)
    alive = answers.ready(dump({"status": "alive"}))

    @offer(blueprint, "/health/live", Operation(answers={200: Alive}), hot=True)
    async def live(_ask: ApiRequest) -> ApiResponse:
        """The loop runs; nothing else is asked."""
        return alive

    @offer(blueprint, "/health/ready", Operation(answers={200: Readiness, 503: Readiness}))
    async def ready(_ask: ApiRequest) -> ApiResponse:
        """Folders and ledger decide; the actors' states stand beside them."""
        home = services.settings.home
        checks = [_check(f"dir:{name}", await services.run_sync(partial(listable, home / name))) for name in FOLDERS]
        checks.append(_check("db:sessions.db", await services.ledger_check()))
        is_ready = all(check["status"] == "ok" for check in checks)
        checks += [actor_check(actor) for actor in services.actors()]
        # the last word of an ill ledger is said above
        failing = await services.failing_hooks() if is_ready else {}
        checks += [_check(f"hook:{name}", f"failed after each of {times} sessions") for name, times in failing.items()]
        word = "ready" if is_ready else "not_ready"
        document = {"status": word, "checks": checks}
        return answers.ready(dump(document)) if is_ready else answers.as_json(document, status=503)

    return blueprint


def listable(folder: Path) -> str | None:
    """None, or what is wrong with the folder; blocking."""
    try:
        with os.scandir(folder) as listing:
            next(listing, None)
    except FileNotFoundError:
        return "missing"
    except NotADirectoryError:
        return "not a folder"
    except OSError as error:
        return error.strerror or "can't be listed"
    return None


def actor_check(actor: ActorView) -> dict[str, Any]:
    state = str(actor.state.value if isinstance(actor.state, enum.Enum) else actor.state).lower()
    return _check(f"actor:{actor.name}", None if state in GOOD else state)


def _check(name: str, message: str | None) -> dict[str, Any]:
    return {"name": name, "status": "ok" if message is None else "failed", "message": message}
