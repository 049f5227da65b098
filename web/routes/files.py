"""The folders that visitors may walk through: trees, and the files in them."""

from pathlib import Path

import attrs
from quart import Blueprint

from runner.content import PathRefusedError, strong_etag
from runner.content.entry import dump
from runner.content.files import File, Files, NoFileError, NotAFileError, TooLargeError
from runner.content.trees import DEEPEST, ROOTS, FileTree, as_json, walk
from web.api import responses as answers
from web.api.operations import PROBLEMS, Error, Operation, offer, shaped
from web.api.request import ApiRequest, check_choice, read_query
from web.api.responses import ApiResponse
from web.api.ttl_cache import Lately
from web.services import Services


@attrs.frozen
class TreeQuery:
    """How much of a tree is wanted."""

    depth: int = shaped(DEEPEST, minimum=1, maximum=DEEPEST)


FILE = Operation(
    summary="One file: text, or base64 where its name says that it is none",
    path={
        "root": {"type": "string", "enum": list(ROOTS)},
        "path": {"type": "string", "description": "below the folder, with / between names"},
    },
    answers={200: File, 400: Error, 403: Error, 404: Error, 413: Error, 422: PROBLEMS},
)


STATUS: dict[type[Exception], int] = {
    PathRefusedError: 403,
    NoFileError: 404,
    NotAFileError: 400,
    TooLargeError: 413,
}


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("files", __name__, url_prefix="/content")
    home = services.settings.home

    async def make(wanted: tuple[str, int]) -> tuple[bytes, str]:
        return await services.run_sync(lambda: _tree(home, *wanted))

    trees = Lately(make)
    for name in ROOTS:
        _serve_tree(blueprint, name, trees)
    _serve_files(blueprint, services)
    return blueprint


def _serve_tree(blueprint: Blueprint, root: str, trees: Lately[tuple[str, int], tuple[bytes, str]]) -> None:
    operation = Operation(
        summary=f"All of {root}, newest first", query=TreeQuery, answers={200: FileTree, 422: PROBLEMS}
    )

    @offer(blueprint, f"/{root}", operation, hot=True)
    async def tree(ask: ApiRequest) -> ApiResponse:
        data, etag = await trees.get((root, read_query(ask, TreeQuery).depth))
        return answers.ready(data, etag)


def _serve_files(blueprint: Blueprint, services: Services) -> None:
    files = Files(services.settings.home)

    @offer(blueprint, "/files/<root>/<path:path>", FILE)
    async def file(_ask: ApiRequest, root: str, path: str) -> ApiResponse:
        check_choice("path", "root", root, ROOTS)
        try:
            data = await services.run_sync(lambda: dump(attrs.asdict(files.read(root, path))))
        except tuple(STATUS) as error:
            return answers.detail(STATUS[type(error)], str(error))
        return answers.ready(data)


def _tree(home: Path, root: str, depth: int) -> tuple[bytes, str]:
    tree = walk(home, root, depth)
    data = dump({"root": as_json(tree.root), "truncated": tree.truncated, "node_count": tree.node_count})
    return data, strong_etag(data)
