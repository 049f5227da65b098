"""The session as it is written; and between sessions, the time until the next."""

import json
from typing import Any

import attrs
from quart import Blueprint, Response, request

from runner.live import SessionView, frames
from web.api import responses as answers
from web.pages.layout import Layout
from web.pages.rest import coming_wakes, session_now
from web.services import Services

AHEAD = 5


@attrs.define
class Block:
    """One thing on the page: words, a tool's use with its result, a gap, or the end."""

    form: str
    text: str = ""
    data: dict[str, Any] = attrs.field(factory=dict)
    result: dict[str, Any] | None = None


def pages(services: Services, shell: Layout) -> Blueprint:
    blueprint = Blueprint("live", __name__)

    @blueprint.get("/live")
    async def live() -> Response:
        here = shell.here()
        view = services.hub.session()
        html = shell.render(
            request,
            "live.html",
            status=session_now(await services.status.current(), here.tzinfo),
            here=here,
            ahead=coming_wakes(services, here, at_most=AHEAD),
            session=view,
            model=model_of(view),
            blocks=blocks_of(view),
        )
        return answers.carried(request, answers.page(html))

    return blueprint


def model_of(view: SessionView | None) -> str:
    """What the session says it runs on; the rehearsal says so of itself."""
    for event, data in () if view is None else view.events:
        if event == frames.START:
            return str(_object(data).get("model", ""))
    return ""


def blocks_of(view: SessionView | None) -> list[Block]:
    """The session so far, for those who read without scripts; the script builds the same."""
    if view is None:
        return []
    blocks: list[Block] = []
    for event, raw in view.events:
        data = _object(raw)
        if event == frames.TEXT:
            blocks.append(Block("text", str(data.get("text", ""))))
        elif event == "session.tool":
            blocks.append(Block("tool", data=data))
        elif event == "session.tool_result":
            _attach(blocks, data)
        elif event == frames.END:
            blocks.append(Block("end", data=data))
        elif event == frames.GAP:
            blocks.append(Block("gap", data=data))
    if view.open_text:
        blocks.append(Block("open", view.open_text))
    return blocks


def _attach(blocks: list[Block], data: dict[str, Any]) -> None:
    """A result belongs to the first use of its tool that has none yet."""
    waiting = [block for block in blocks if block.form == "tool" and block.result is None]
    named = [block for block in waiting if block.data.get("tool_name") == data.get("tool_name")]
    for block in (named or waiting)[:1]:
        block.result = data


def _object(data: bytes) -> dict[str, Any]:
    parsed = json.loads(data)
    return parsed if isinstance(parsed, dict) else {}
