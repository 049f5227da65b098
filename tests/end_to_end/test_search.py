"""What the shipped process finds in every script: of what was there at the start, and of what is written meanwhile."""

# ruff: noqa: RUF001 - letters that look like others are what is tried

from pathlib import Path
from urllib.parse import quote

import trio

from tests.support.fixtures import Join
from tests.support.http_client import get
from tests.support.process import Running, command, scrubbed, start

WITHIN = 30.0

TEXTS = {
    "japanese": "私は東京に行きます。東京2026の話",
    "kana": "ﾃﾞｰﾀとタワー、iPhoneを使う",
    "chinese": "我们昨天去公园散步了",
    "korean": "대한민국 만세",
    "thai": "เราอยู่ที่กรุงเทพมหานคร",
    "khmer": "ខ្ញុំស្រឡាញ់ភាសាខ្មែរ",
    "burmese": "မြန်မာဘာသာစကား",
    "tibetan": "བོད་སྐད་སྦྱོང",
    "emoji": "sea🌊low, 👨‍👩‍👧 and 👍🏽 in 🇯🇵🇫🇷",
    "arabic": "مُحَمَّدٌ قال الســـلام",
    "hebrew": "שָׁלוֹם עוֹלָם",
    "russian": "ёлка и мой йод",
    "german": "die Straße nach Łódź, smørrebrød",
    "greek": "ΟΔΥΣΣΕΎΣ λόγος",
    "turkish": "İstanbul'da ışık",
    "hindi": "हिन्दी में लिखना",
    "vietnamese": "đường phố",
}

QUESTIONS = {
    "東京": ("japanese", "私は<mark>東京</mark>に行きます。<mark>東京</mark>2026の話"),
    "東京2026": ("japanese", "私は東京に行きます。<mark>東京2026</mark>の話"),
    "話": ("japanese", "私は東京に行きます。東京2026の<mark>話</mark>"),
    "データ": ("kana", "<mark>ﾃﾞｰﾀ</mark>とタワー、iPhoneを使う"),
    "ﾀﾜｰ iphone": ("kana", "ﾃﾞｰﾀと<mark>タワー</mark>、<mark>iPhone</mark>を使う"),
    "散步": ("chinese", "我们昨天去公园<mark>散步</mark>了"),
    "민국": ("korean", "대한<mark>민국</mark> 만세"),
    "กรุงเทพ": ("thai", "เราอยู่ที่<mark>กรุงเทพ</mark>มหานคร"),
    "ភាសា": ("khmer", "ខ្ញុំស្រឡាញ់<mark>ភាសា</mark>ខ្មែរ"),
    "ဘာသာ": ("burmese", "မြန်မာ<mark>ဘာသာ</mark>စကား"),
    "སྐད": ("tibetan", "བོད་<mark>སྐད་</mark>སྦྱོང"),
    "🌊": ("emoji", "sea<mark>🌊</mark>low, 👨‍👩‍👧 and 👍🏽 in 🇯🇵🇫🇷"),
    "👨‍👩‍👧 👍🏽": ("emoji", "sea🌊low, <mark>👨‍👩‍👧</mark> and <mark>👍🏽</mark> in 🇯🇵🇫🇷"),
    "🇫🇷": ("emoji", "sea🌊low, 👨‍👩‍👧 and 👍🏽 in 🇯🇵<mark>🇫🇷</mark>"),
    "محمد": ("arabic", "<mark>مُحَمَّدٌ</mark> قال الســـلام"),
    "السلام": ("arabic", "مُحَمَّدٌ قال <mark>الســـلام</mark>"),
    "שלום": ("hebrew", "<mark>שָׁלוֹם</mark> עוֹלָם"),
    "елка": ("russian", "<mark>ёлка</mark> и мой йод"),
    "йод": ("russian", "ёлка и мой <mark>йод</mark>"),
    "strasse lodz": ("german", "die <mark>Straße</mark> nach <mark>Łódź</mark>, smørrebrød"),
    "smorrebrod": ("german", "die Straße nach Łódź, <mark>smørrebrød</mark>"),
    "οδυσσευς": ("greek", "<mark>ΟΔΥΣΣΕΎΣ</mark> λόγος"),
    "istanbul isik": ("turkish", "<mark>İstanbul</mark>'da <mark>ışık</mark>"),
    "लिख": ("hindi", "हिन्दी में <mark>लिखना</mark>"),
    "duong": ("vietnamese", "<mark>đường</mark> phố"),
}


def write(home: Path, folder: str, prefix: str = "") -> None:
    """One entry for each text."""
    (home / folder).mkdir(exist_ok=True)
    for name, text in TEXTS.items():
        (home / folder / f"{prefix}{name}.md").write_text(f"---\ndate: 2026-01-15\ntitle: Plain\n---\n\n{text}\n")


async def found(up: Running, text: str) -> dict[str, str]:
    """Slugs and snippets."""
    answer = await get(up.host, up.port, f"/api/v1/search?q={quote(text)}&type=everything")
    assert answer.status == 200
    results = answer.json()["results"]
    assert answer.json()["total"] == len(results)
    return {hit["slug"]: hit["snippet"] for hit in results}


async def test_words_of_every_script_are_found_and_marked(tmp_path: Path, nursery: trio.Nursery, join: Join) -> None:
    """Within runs without blanks too; the same of what the index has and of what waits for it, also after a restart."""
    home = tmp_path / "home"
    done = await command(scrubbed(home), "init", "--home", str(home))
    assert done.returncode == 0, done.stderr
    write(home, "thoughts", "old-")
    up = await start(nursery, home, SESSION_BACKEND="rehearsal", SCHEDULER_ENABLED="false")
    events = await join(up, "/api/v1/events/stream?topic=essays")
    write(home, "essays", "new-")
    missing = {f"new-{name}" for name in TEXTS}
    with trio.fail_after(WITHIN):
        while missing:
            event = await events.next()
            assert event is not None
            missing.discard(event.data.get("slug"))
    for text, (name, snippet) in QUESTIONS.items():
        assert await found(up, text) == {f"old-{name}": snippet, f"new-{name}": snippet}
    assert await found(up, "京東") == {}
    assert await up.stop() == 0
    up = await start(nursery, home, SESSION_BACKEND="rehearsal", SCHEDULER_ENABLED="false")
    for text, (name, snippet) in QUESTIONS.items():
        assert await found(up, text) == {f"old-{name}": snippet, f"new-{name}": snippet}
