"""Files of the pages, held in memory under names that change with their content, so that browsers keep them a year."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import attrs
from quart import Blueprint, Request, Response, abort, request

from web.api import responses as answers

TYPES = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)
IMPORT = re.compile(rb'((?:from|import) "\./)([a-z_]+\.js)(?=")')
PREFIX = "/static"


@attrs.frozen
class Asset:
    """One file."""

    name: str
    data: bytes = attrs.field(repr=False)
    content_type: str
    digest: str


@attrs.frozen(eq=False)
class Assets:
    """Looked up by the hashed name when served, by the plain one when a page is written."""

    by_plain: Mapping[str, Asset]

    @classmethod
    def load(cls, folder: Path) -> "Assets":
        """Read all of a folder; modules name each other by their hashed names."""
        plain = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in TYPES}
        made: dict[str, Asset] = {}

        def make(name: str) -> Asset:
            if name not in made:
                data = IMPORT.sub(lambda match: match[1] + make(match[2].decode()).name.encode(), plain[name])
                made[name] = _asset(name, data)
            return made[name]

        for name in plain:
            make(name)
        return cls(MappingProxyType(made))

    def url(self, plain: str) -> str:
        return f"{PREFIX}/{self.by_plain[plain].name}"

    def routes(self) -> Blueprint:
        blueprint = Blueprint("assets", __name__, url_prefix=PREFIX)
        by_name = {asset.name: asset for asset in self.by_plain.values()}

        @blueprint.get("/<name>")
        async def one(name: str) -> Response:
            asset = by_name.get(name)
            if asset is None:
                abort(404)
            return _answer(request, asset)

        return blueprint


def _asset(name: str, data: bytes) -> Asset:
    digest = hashlib.blake2b(data, digest_size=6).hexdigest()
    stem, _, suffix = name.rpartition(".")
    return Asset(f"{stem}.{digest}.{suffix}", data, TYPES[f".{suffix}"], digest)


def _answer(asked: Request, asset: Asset) -> Response:
    ready = answers.ready(asset.data, f'"{asset.digest}"', content_type=asset.content_type)
    return answers.carried(asked, attrs.evolve(ready, headers={"Cache-Control": "public, max-age=31536000, immutable"}))
