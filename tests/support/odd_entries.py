"""Files as people, other programs and accidents leave them, and what a person would read in each."""

from collections.abc import Mapping
from typing import TypeAlias

import attrs

Served: TypeAlias = str | bool | None


@attrs.frozen
class Odd:
    """One file, and the values that readers are to see; `told` is a part of what is said of it, if anything."""

    name: str
    """Below the home, without its ending."""
    content: bytes
    meta: Mapping[str, Served]
    told: str = ""

    @property
    def kind(self) -> str:
        return self.name.partition("/")[0]

    @property
    def slug(self) -> str:
        return self.name.partition("/")[2]


def _thought(slug: str, text: str | bytes, told: str = "", **meta: Served) -> Odd:
    content = text if isinstance(text, bytes) else text.encode()
    return Odd(f"thoughts/{slug}", content, {"date": "2026-02-03", "title": "Salt", "mood": None, **meta}, told)


def _dream(slug: str, text: str, told: str = "", **meta: Served) -> Odd:
    values = {"date": "2026-02-04", "title": "Tide table", "type": "prose", "immersive": False, **meta}
    return Odd(f"dreams/{slug}", text.encode(), values, told)


HEAD = "date: 2026-02-03\ntitle: Salt\n"
DREAM = "date: 2026-02-04\ntitle: Tide table\n"
TAGS = "tags:\n" + "".join(f"- a tag of the life, number {number}\n" for number in range(600))

ENTRIES = (
    # the contract's own
    _thought(
        "2026-02-03-contract",
        '---\ndate: "2026-02-03"\ntitle: "Salt on the window"\nmood: "quiet, curious"\n---\n# Salt\n\nWords\n',
        title="Salt on the window",
        mood="quiet, curious",
    ),
    _dream(
        "contract",
        '---\ndate: "2026-02-04"\ntitle: "Tide table"\ntype: poetry\nimmersive: false\n---\nlow water / low light\n',
        type="poetry",
    ),
    # titles
    _thought(
        "colon", "---\ndate: 2026-02-03\ntitle: Day 3: Noon\n---\nx", "no valid YAML (line 3", title="Day 3: Noon"
    ),
    _thought("no", "---\ndate: 2026-02-03\ntitle: No\nmood: off\n---\nx", title="No", mood="off"),
    _thought("number", "---\ndate: 2026-02-03\ntitle: 1.0\nmood: 1e9999\n---\nx", title="1.0", mood="1e9999"),
    _thought("day-as-title", "---\ndate: 2026-02-03\ntitle: 2026-01-01\n---\nx", title="2026-01-01"),
    _thought("no-title", "---\ndate: 2026-02-03\n---\n## Salt *and* air\n", "title is missing", title="Salt and air"),
    _thought("null-title", "---\ndate: 2026-02-03\ntitle: null\n---\nx", "title is missing", title="Null Title"),
    _thought("empty-title", "---\ndate: 2026-02-03\ntitle:\n---\nx", "title is missing", title="Empty Title"),
    _thought("folded", "---\ndate: 2026-02-03\ntitle: >\n  Salt\n  and air\n---\nx", title="Salt and air"),
    _thought("twice", f"---\ntitle: Air\n{HEAD}---\nx", "title is said twice"),
    _thought("hash", "---\ndate: 2026-02-03\ntitle: Walk #3\n---\nx", "title holds a #", title="Walk #3"),
    _thought("star", "---\ndate: 2026-02-03\ntitle: *Salt*\n---\nx", "no valid YAML", title="*Salt*"),
    _thought("quotes", '---\ntitle: "Salt\ndate: 2026-02-03\n---\nx', "no valid YAML"),
    _thought("controls", b"---\ndate: 2026-02-03\ntitle: Sa\0lt\n---\nx\0y", "a character that YAML", title="Sa lt"),
    # moods
    _thought("mood-list", f"---\n{HEAD}mood: [calm, warm]\n---\nx", mood="calm, warm"),
    _thought("mood-block", f"---\n{HEAD}mood:\n  - calm\n  - warm\n---\nx", mood="calm, warm"),
    _thought("merged", f"---\nbase: &b\n  mood: calm\n<<: *b\n{HEAD}---\nx", mood="calm"),
    _thought("many-tags", f"---\n{TAGS}{HEAD}mood: calm\n---\nx", mood="calm"),
    # days
    _thought("short-day", "---\ndate: 2026-2-3\ntitle: Salt\n---\nx", "was read as 2026-02-03"),
    _thought("slashes", "---\ndate: 2026/02/03\ntitle: Salt\n---\nx", "was read as 2026-02-03"),
    _thought("in-words", "---\ndate: 3 Feb 2026\ntitle: Salt\n---\nx", "was read as 2026-02-03"),
    _thought("with-time", "---\ndate: 2026-02-03T10:00:00-05:00\ntitle: Salt\n---\nx"),
    _thought("2026-02-03-no-day", "---\ntitle: Salt\n---\nx", "taken from the file's name"),
    _thought(
        "bad-day", "---\ndate: soon\ntitle: Salt\n---\nx", "taken from when the file was written", date="2026-01-31"
    ),
    # fences
    _thought("2026-02-03-bare", "Words without any head.\n", "date is missing", title="Bare"),
    _thought("2026-02-03-empty-head", "---\n---\nx", "date is missing", title="Empty Head"),
    _thought("blank-before", f"\n\n---\n{HEAD}---\nx", "blank lines before"),
    _thought("mark-before", f"\ufeff---\n{HEAD}---\nx"),
    _thought("dots", f"---\n{HEAD}...\nx"),
    _thought("plus", '+++\ndate = 2026-02-03\ntitle = "Salt"\nmood = ["calm"]\n+++\nx', mood="calm"),
    _thought("unclosed", f"---\n{HEAD}\nx", "the closing --- of"),
    _thought("unopened", f"{HEAD}---\nx", "the opening --- of"),
    _thought("windows", f"---\n{HEAD}---\nx".replace("\n", "\r\n")),
    _thought("tabs", "---\ntitle: Salt\n\tdate: 2026-02-03\n---\nx", "no valid YAML"),
    _thought("capitals", "---\nTitle: Salt\nDATE: 2026-02-03\n---\nx"),
    # encodings
    _thought("utf-16", f"---\n{HEAD}mood: \u00fcbrig\n---\nx".encode("utf-16"), mood="\u00fcbrig"),
    _thought(
        "latin", f"---\n{HEAD}mood: \u00fcbrig\n---\nx".encode("cp1252"), "read as Windows-1252", mood="\u00fcbrig"
    ),
    # choices
    _dream("poem", f"---\n{DREAM}type: poem\n---\nx", "'poem' is none of poetry"),
    _dream("no-type", f"---\n{DREAM}---\nx", "type is missing"),
    _dream(
        "one", f"---\n{DREAM}type: ascii\nimmersive: 1\n---\nx", "'1' was read as true", type="ascii", immersive=True
    ),
    _dream("said-yes", f'---\n{DREAM}type: Mixed\nimmersive: "true"\n---\nx', type="mixed", immersive=True),
    _dream(
        "maybe", f"---\n{DREAM}type: prose\nimmersive: maybe\nlucid: yes\n---\nx", "neither true nor false", lucid=True
    ),
)

LEFT_OUT = (
    Odd("thoughts/picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, {}, "no text"),
    Odd("thoughts/zeros", b"\0" * 500, {}, "no text"),
    Odd("dreams/giant", b"words " * 1_500_000, {}, "at most 8388608 are read"),
)
