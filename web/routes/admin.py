"""What the operator's own site may ask for with the service key."""

import attrs
from quart import Blueprint, Response, request

from web import answers, bodies
from web.declared import PROBLEMS, Error, Operation, offer, shaped
from web.services import NotNow, Services

WAKES = (
    *("midnight", "late_night", "morning", "midmorning", "noon", "afternoon", "dusk", "evening"),
    *("custom", "self", "visit", "correspondence"),
)
"""Session types that can be asked for here: the slots', and those that need no door of their own."""
LONGEST_PROMPT = 20_000


@attrs.frozen
class WakeWanted:
    """A wake of a type, with words for it."""

    session_type: str = shaped("custom", enum=list(WAKES))
    prompt: str | None = shaped(None, maxLength=LONGEST_PROMPT)


@attrs.frozen
class WakeAdmitted:
    """The wake that was accepted; its id is the session's."""

    success: bool
    session_id: str
    log_file: str
    status: str = shaped(enum=["started", "queued"])
    waiting_for: str | None = shaped(None)


WAKE = Operation(body=WakeWanted, answers={202: WakeAdmitted, 409: Error, 422: PROBLEMS, 503: Error})


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("admin", __name__, url_prefix="/admin")

    @offer(blueprint, "/wake", WAKE, method="POST")
    async def wake() -> Response:
        """Accept a wake; its id is the session's and stays. 202 whatever the session actor is doing."""
        try:
            body = await bodies.json_object(request)
        except bodies.Problem as problem:
            return bodies.refused([problem])
        problems: list[bodies.Problem] = []
        kind = prompt = ""
        try:
            kind = bodies.choice(body, "session_type", WAKES, "custom")
        except bodies.Problem as problem:
            problems.append(problem)
        try:
            prompt = bodies.text(body, "prompt", longest=LONGEST_PROMPT)
        except bodies.Problem as problem:
            problems.append(problem)
        if problems:
            return bodies.refused(problems)
        if services.stopping():
            return answers.detail(503, "the process is stopping; ask again in a moment", headers={"Retry-After": "5"})
        try:
            admitted = await services.admit(kind, prompt)
        except NotNow as reason:
            return answers.detail(409, str(reason))
        found = {"success": True, **attrs.asdict(admitted)}
        if admitted.waiting_for is None:
            del found["waiting_for"]
        return answers.as_json(found, status=202)

    return blueprint
