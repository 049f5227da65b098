"""Telling the readers' site which of its caches are old: one POST with tags, tried twice."""

from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

import httpx

from runner.home.tree import TOP
from runner.session.errors import HookFailedError

EACH = 7.0
"""Seconds for one try: two of them stay under the fifteen that a hook has."""
REDIRECTS = 3
TAGS = {folder.name: folder.tag for folder in TOP if folder.tag}
ECHOES = "echoes"
_SERVER_ERROR = 500
_TOO_MANY = 429


def tags_of(changed: Iterable[str]) -> set[str]:
    """The tags of changed files, by the folder that each lies in."""
    return {tag for name in changed if (tag := TAGS.get(name.partition("/")[0])) is not None}


async def post(url: str, secret: str, tags: Iterable[str]) -> None:
    """Say which tags are old. Anything but a 2xx is a failure; a try that may go better is made once more."""
    trouble = await _try(url, secret, sorted(tags))
    if trouble is None:
        return
    if trouble[1]:
        trouble = await _try(url, secret, sorted(tags))
    if trouble is not None:
        raise HookFailedError(trouble[0])


async def _try(url: str, secret: str, tags: list[str]) -> tuple[str, bool] | None:
    """What went wrong, and whether a second try may help; None when nothing did."""
    headers = {"x-revalidate-secret": secret} if secret else {}
    try:
        # the client's own following of redirects would drop the body, and take the secret to other hosts
        async with httpx.AsyncClient(timeout=EACH, follow_redirects=False) as client:
            for _ in range(REDIRECTS + 1):
                answer = await client.post(url, json={"tags": tags}, headers=headers)
                if not answer.has_redirect_location:
                    break
                there = urljoin(url, answer.headers["location"])
                if urlsplit(there)[:2] != urlsplit(url)[:2]:
                    return f"the webhook sends us to another host, {urlsplit(there).netloc}: set its url to that", False
                url = there
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"the webhook was not reached: {type(error).__name__}: {error}"[:300], True
    if answer.is_success:
        return None
    again = answer.status_code >= _SERVER_ERROR or answer.status_code == _TOO_MANY
    return f"the webhook answered {answer.status_code} to the tags {', '.join(tags)}", again
