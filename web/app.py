"""The site: every route and page in one table, behind one door."""

import logging
from typing import Any

import attrs
from quart import Response
from quart_trio import QuartTrio

from web.api import errors
from web.api.operations import hot_views
from web.pages import home, live, theme, thoughts
from web.pages.layout import POLICY, Layout
from web.routes import (
    admin,
    analytics,
    content,
    docs,
    documents,
    echoes,
    events,
    files,
    health,
    search,
    session,
    titles,
)
from web.server.auth import API
from web.server.compression import Coding, Packed
from web.server.fast_path import Hot
from web.server.gate import DoorRules, Gate, Receive, Scope, Send
from web.server.sse import Streams
from web.services import Services

LARGEST_BODY = 16 * 1024 * 1024


@attrs.frozen(eq=False)
class Site:
    """One incarnation's application; made anew each time the server is."""

    app: QuartTrio
    door: Gate
    streams: Streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.door(scope, receive, send)

    async def run(self) -> None:
        """What the site does beside answering, for as long as it is served."""
        await self.streams.pump.run()

    def stop(self) -> None:
        """Let streams end, so that a stop never waits for viewers."""
        self.streams.end()


def create_app(services: Services) -> Site:
    """All that can be asked over HTTP."""
    app = QuartTrio("web", static_folder=None, template_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY, BODY_TIMEOUT=30, PROPAGATE_EXCEPTIONS=False)
    app.logger.setLevel(logging.CRITICAL + 1)  # the door and the error handlers say it, in fields
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # one path, one spelling: the door looks at it before the router
    shell = Layout.make(services)
    streams = Streams(services.hub, services.now, services.settings.http.heartbeat_seconds)
    for blueprint in (
        health.routes(services),
        content.routes(services),
        documents.routes(services),
        files.routes(services),
        analytics.routes(services),
        echoes.routes(services),
        titles.routes(services),
        session.routes(services, streams),
        events.routes(services, streams),
        admin.routes(services),
        search.routes(services),
        docs.routes(services, shell),
    ):
        app.register_blueprint(blueprint, url_prefix=API + (blueprint.url_prefix or ""))
    for blueprint in (
        home.pages(services, shell, streams),
        live.pages(services, shell),
        thoughts.pages(services, shell),
        theme.pages(),
        shell.assets.routes(),
    ):
        app.register_blueprint(blueprint)
    errors.install(app, services, shell)

    @app.after_request
    async def policy(answer: Response) -> Response:
        if answer.mimetype == "text/html":
            answer.headers["Content-Security-Policy"] = POLICY
        return answer

    http = services.settings.http
    rules = DoorRules(api_key=http.api_key, cors_origins=http.cors_origins, trusted_proxies=http.trusted_proxies)
    framework: Any = app
    inner = Coding(Hot.make(framework, hot_views(app)), Packed(services.run_sync))
    return Site(app, Gate(inner, rules, services.log), streams)
