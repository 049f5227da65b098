"""What all pages share: the frame, the theme, the way words and dates are set."""

from collections.abc import Mapping
from datetime import date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import attrs
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from quart import Request

from web.pages import words
from web.pages.assets import Assets
from web.services import Services

FOLDER = Path(__file__).parent.parent
THEMES = ("system", "light", "dark")
THEME_COOKIE = "theme"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

ERRORS: Mapping[int, tuple[str, str]] = {
    404: ("Nothing here", "This page does not exist, or not any more. Pages move on, too."),
    500: ("Something went wrong", "The page could not be made. It has been noted; please try again in a moment."),
}


@attrs.frozen(eq=False)
class Layout:
    """Renders pages. One of it belongs to one incarnation of the server."""

    services: Services
    assets: Assets
    environment: Environment

    @classmethod
    def make(cls, services: Services) -> "Layout":
        environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters.update(
            day=date.fromisoformat,
            long_date=words.long_date,
            short_date=words.short_date,
            clock_time=words.clock_time,
            span=words.span,
            session_name=words.session_name,
        )
        return cls(services, Assets.load(FOLDER / "static"), environment)

    def here(self) -> datetime:
        """Now, in the zone of the home."""
        return self.services.now().astimezone(self.services.settings.resident.zone)

    def render(self, request: Request, template: str, **context: Any) -> str:
        theme = request.cookies.get(THEME_COOKIE, "system")
        return self.environment.get_template(template).render(
            resident=self.services.settings.resident.name,
            theme=theme if theme in THEMES else "system",
            themes=THEMES,
            path=request.path,
            asset=self.assets.url,
            rehearsal=self.services.rehearsal(),
            **context,
        )

    def error(self, request: Request, status: int) -> str:
        title, text = ERRORS.get(status, (HTTPStatus(status).phrase, "The request could not be answered."))
        return self.render(request, "error.html", status=status, title=title, text=text)
