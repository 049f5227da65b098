"""What texts were called, by the hashes of the texts. The first title of a text stays."""

import attrs
from quart import Blueprint

from runner.content.changes import stamp
from runner.content.entry import dump
from runner.ledger import Title
from web.api import responses as answers
from web.api.operations import PROBLEMS, Error, Operation, offer, shaped
from web.api.request import ApiRequest, read_body
from web.api.responses import ApiResponse
from web.services import Services


@attrs.frozen
class NewTitle:
    """A title for a text that has none yet."""

    hash: str = shaped(pattern="^[0-9A-Fa-f]{64}$", description="SHA-256 of the text, in hex")
    title: str = shaped(minLength=1, maxLength=500)
    model: str = shaped(maxLength=200)
    original_path: str = shaped(maxLength=1024)


ONE = Operation(
    summary="What a text was called",
    path={"hash": {"type": "string", "description": "SHA-256 of the text, in hex"}},
    answers={200: Title, 404: Error},
)
NEW = Operation(
    summary="Call a text something, unless it has a title",
    body=NewTitle,
    answers={201: Title, 409: Title, 422: PROBLEMS},
)


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("titles", __name__, url_prefix="/titles")

    @offer(blueprint, "/<hash>", ONE, hot=True)
    async def one(_ask: ApiRequest, hash: str) -> ApiResponse:  # noqa: A002 - the name it has in the address
        found = await services.titles.get(hash)
        if found is None:
            return answers.detail(404, f"no text with the hash {hash[:80]!r} has a title")
        data = dump(attrs.asdict(found))
        return answers.ready(data)

    @offer(blueprint, "", NEW, method="POST")
    async def new(ask: ApiRequest) -> ApiResponse:
        wanted = await read_body(ask, NewTitle)
        title = Title(
            hash=wanted.hash,
            title=wanted.title,
            model=wanted.model,
            created=stamp(services.now()),
            original_path=wanted.original_path,
        )
        found, is_new = await services.titles.add(title)
        return answers.as_json(attrs.asdict(found), status=201 if is_new else 409)

    return blueprint
