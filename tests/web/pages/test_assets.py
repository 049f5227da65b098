import gzip
import re
from pathlib import Path

from tests.support.site import World, running
from web.pages.assets import Assets
from web.pages.layout import FOLDER


def test_names_change_with_the_content(tmp_path: Path) -> None:
    """A file's name holds its content's hash, and a module's changes with what it imports."""
    (tmp_path / "b.js").write_text("export const b = 1;")
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nimport "./c.js";')
    (tmp_path / "c.js").write_text("")
    (tmp_path / "note.txt").write_text("not served")
    one = Assets.load(tmp_path)
    (tmp_path / "b.js").write_text("export const b = 2;")
    two = Assets.load(tmp_path)
    assert set(one.by_plain) == {"a.js", "b.js", "c.js"}
    assert one.url("a.js") != two.url("a.js")
    for name in ("b.js", "c.js"):
        assert b'"./%s"' % two.by_plain[name].name.encode() in two.by_plain["a.js"].data


async def test_assets_are_kept_a_year(world: World) -> None:
    """They are immutable for browsers, compressed where wanted, and 304 where they are there already."""
    async with running(world) as server:
        page = await server.get("/")
        sheet = re.search(r'href="(/static/home\.[0-9a-f]+\.css)"', page.text)
        assert sheet is not None
        plain = await server.get(sheet[1])
        zipped = await server.get(sheet[1], "Accept-Encoding: gzip, br")
        same = await server.get(sheet[1], "Accept-Encoding: gzip", f"If-None-Match: {zipped.headers['etag']}")
        missing = await server.get("/static/home.css")
    assert "max-age=31536000" in plain.headers["cache-control"]
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"] == "text/css; charset=utf-8"
    assert "Accept-Encoding" in plain.headers["vary"]
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert zipped.headers["etag"] != plain.headers["etag"]
    assert (same.status, same.body) == (304, b"")
    assert missing.status == 404


async def test_a_first_visit_is_light(world: World) -> None:
    """A page and all it needs stay far under 60 KB over the wire."""
    async with running(world) as server:
        page = await server.get("/live")
        wanted = [asset.name for asset in Assets.load(FOLDER / "static").by_plain.values()]
        total = len(page.body)
        for name in wanted:
            total += len((await server.get(f"/static/{name}", "Accept-Encoding: gzip")).body)
    assert total < 30_000


def test_every_import_is_there() -> None:
    """Modules import only what is shipped."""
    for path in (FOLDER / "static").glob("*.js"):
        for name in re.findall(r'(?:from|import) "\./([^"]+)"', path.read_text()):
            assert (FOLDER / "static" / name).is_file()
