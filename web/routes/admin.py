"""What the operator's own site may ask for with the service key."""

import attrs
from quart import Blueprint

from runner.triggers.intake import LONGEST_MESSAGE, RULES, NotNow
from web.api import responses as answers
from web.api.operations import PROBLEMS, Error, Operation, offer, shaped
from web.api.request import ApiRequest, read_body
from web.api.responses import ApiResponse
from web.services import Services


@attrs.frozen
class WakeWanted:
    """A wake of a type, with words for it."""

    session_type: str = shaped("custom", enum=list(RULES["api"].types))
    prompt: str | None = shaped(None, maxLength=LONGEST_MESSAGE)


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
    async def wake(ask: ApiRequest) -> ApiResponse:
        """Accept a wake; its id is the session's and stays. 202 whatever the session actor is doing."""
        wanted = await read_body(ask, WakeWanted)
        if services.stopping():
            return answers.detail(503, "the process is stopping; ask again in a moment", headers={"Retry-After": "5"})
        try:
            admitted = await services.admit(wanted.session_type, wanted.prompt or "")
        except NotNow as reason:
            return answers.detail(409, str(reason))
        found = {"success": True, **attrs.asdict(admitted)}
        if admitted.waiting_for is None:
            del found["waiting_for"]
        return answers.as_json(found, status=202)

    return blueprint
