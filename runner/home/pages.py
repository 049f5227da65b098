"""Starter pages: plain files with a few words to fill in, and dates that count back from the day of the making."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path

import attrs

from runner.schedule import load_schedule
from runner.settings.tree import Resident

__all__ = ["StarterPage", "Words", "pages_of"]

WORD = re.compile(r"@\{([a-zA-Z]+)(?::(\d+))?\}")
DAY = re.compile(r"day-(\d+)-")
FRONT_DATE = re.compile(r'^date: "@\{date:(\d+)\}"$', re.MULTILINE)
DOT = re.compile(r"(^|/)dot-")
NOON = time(12, 20)
PRIVATE = ("memory/", "prompt/", "inner-thread/", "runner/")


@attrs.frozen
class StarterPage:
    """One file of a new home: where it goes, what it says, when it was written as far as the life is concerned."""

    name: str
    text: str
    moment: datetime
    mode: int


@attrs.frozen
class Words:
    """What the pages leave open."""

    resident: Resident
    home: Path
    now: datetime

    def day(self, ago: int) -> datetime:
        """The beginning of a day so many days before the day of the making."""
        today = self.now.astimezone(self.resident.zone).date()
        return datetime.combine(today - timedelta(days=ago), time(), self.resident.zone)

    def word(self, name: str, ago: int) -> str:
        match name:
            case "resident":
                return self.resident.name
            case "Resident":
                return self.resident.name[:1].upper() + self.resident.name[1:]
            case "owner":
                return self.resident.owner
            case "Owner":
                return self.resident.owner[:1].upper() + self.resident.owner[1:]
            case "city":
                return self.resident.city
            case "home":
                return str(self.home)
            case "date":
                return self.day(ago).date().isoformat()
            case "weekday":
                return self.day(ago).strftime("%A")
            case "stamp":
                return (self.day(ago) + timedelta(hours=12)).isoformat()
            case _:
                raise ValueError(f"a starter page asks for the word {name!r}, which does not exist")

    def fill(self, text: str, *, as_json: bool) -> str:
        """The text with its open words filled in."""

        def filled(match: re.Match[str]) -> str:
            word = self.word(match[1], int(match[2] or 0))
            return json.dumps(word, ensure_ascii=False)[1:-1] if as_json else word

        return WORD.sub(filled, text)


def pages_of(folder: Path, words: Words) -> Iterator[StarterPage]:
    """The pages of a shelf. `day-3-noon.md` becomes the entry of that slot three days before the making."""
    hours = {kind: at for at, kind in load_schedule(words.resident.zone).hours}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        text = path.read_text(encoding="utf-8")
        moment = _moment(path.name, text, words, hours)
        name = DAY.sub(lambda match: words.word("date", int(match[1])) + "-", name)
        yield StarterPage(
            # on the shelf a dot file has no dot, which would hide it from packers, and a program is no program yet
            name=DOT.sub(r"\1.", name).removesuffix(".page"),
            text=words.fill(text, as_json=path.suffix in {".json", ".jsonl"}),
            moment=moment,
            mode=0o600 if name.startswith(PRIVATE) else 0o644,
        )


def _moment(name: str, text: str, words: Words, hours: dict[str, time]) -> datetime:
    """When an entry was written: some minutes into its slot, or about noon of the day its frontmatter names."""
    in_name = DAY.match(name)
    if in_name and (at := hours.get(name[in_name.end() :].removesuffix(".md"))):
        return datetime.combine(words.day(int(in_name[1])), at.replace(minute=4), words.resident.zone)
    in_text = FRONT_DATE.search(text)
    if in_text:
        return datetime.combine(words.day(int(in_text[1])), NOON, words.resident.zone)
    return words.now
