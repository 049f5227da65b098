"""Light, dark, or as the system has it: a choice kept in a cookie, so that no page ever flashes."""

from quart import Blueprint, Response, request

from web.pages.layout import THEME_COOKIE, THEMES

YEAR = 365 * 24 * 3600


def pages() -> Blueprint:
    blueprint = Blueprint("theme", __name__)

    @blueprint.post("/theme")
    async def choose() -> Response:
        form = await request.form
        wanted = form.get("theme", "system")
        answer = Response(b"", 303, headers={"Location": _back(form.get("back", "/"))})
        if wanted in THEMES and wanted != "system":
            answer.set_cookie(THEME_COOKIE, wanted, max_age=YEAR, samesite="Lax", path="/")
        else:
            answer.delete_cookie(THEME_COOKIE, path="/")
        return answer

    return blueprint


def _back(path: str) -> str:
    """Only to a page of ours."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and path.isascii()
    return path if ours else "/"
