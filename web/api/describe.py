"""`python -m web.api.describe [FILE]` writes the OpenAPI document without serving anything."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from quart import Quart

from runner.content import Catalogue, read_kinds
from runner.ledger import Title
from runner.live import Hub
from runner.resources import config_dir
from runner.settings import load_settings
from web.api.openapi import document
from web.app import create_app
from web.services import Services


@attrs.frozen
class _Nothing:
    """Stands for stores that only a served site has."""

    async def get(self, _key: str, /) -> Title | None:
        return None

    async def add(self, title: Title, /) -> tuple[Title, bool]:
        return title, True

    async def current(self) -> dict[str, Any]:
        return {"active": False}

    def info(self, event: str, **fields: Any) -> None: ...

    warning = error = exception = info


async def _at_once(work: Any, /) -> Any:
    return work()


def unserved() -> Quart:
    """The application with nothing behind it: enough to be described."""
    home, nothing = Path("claude-home").absolute(), _Nothing()
    catalogue = Catalogue.empty(read_kinds(config_dir() / "content.toml"), home)
    services = Services(
        settings=load_settings({"home": str(home)}, {}).settings,
        hub=Hub("document"),
        log=nothing,
        now=lambda: datetime.now(UTC),
        run_sync=_at_once,
        catalogue=lambda: catalogue,
        status=nothing,
        titles=nothing,
    )
    return create_app(services).app


def main(arguments: Sequence[str]) -> int:
    """Write the document to the file that is named, or to the standard output."""
    text = json.dumps(document(unserved()), indent=2, ensure_ascii=False) + "\n"
    if arguments:
        Path(arguments[0]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
