"""The life's single documents: the words about itself, the door's words, the words over each shelf.

None of them is ever missing for a reader: what the resident has not written has a plain word in its place.
"""

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs

from runner.content.changes import stamp
from runner.content.kinds import ContentKind
from runner.content.paths import PathRefusedError, safe_path

LARGEST = 8 * 1024 * 1024
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UNKNOWN = "unknown"
NO_ABOUT = "Nothing has been written here yet.\n"
NO_HEADLINE = "Welcome"
NO_SUBHEADLINE = "A small home, and somebody who lives in it."
NO_LANDING = "Nothing has been written here yet.\n"
NO_SUMMARY = "Nothing has been told of these days yet."
NO_GREETING = "Come in. You may leave a few words."


@attrs.frozen
class Text:
    """Words without a moment."""

    content: str


@attrs.frozen
class DatedText:
    """Words, and when they were last changed."""

    content: str
    last_updated: str = attrs.field(metadata={"schema": {"format": "date-time"}})


@attrs.frozen
class About:
    """What the resident says of itself."""

    title: str
    content: str
    last_updated: str = attrs.field(metadata={"schema": {"format": "date-time"}})
    model_version: str


@attrs.frozen
class Landing:
    """The front door."""

    headline: str
    subheadline: str
    content: str
    last_updated: str = attrs.field(metadata={"schema": {"format": "date-time"}})


@attrs.frozen
class _Found:
    text: str
    changed: datetime


@attrs.frozen
class Documents:
    """Reads them, blocking. `since` stands for when a document that is not there was last changed."""

    home: Path
    since: datetime

    def description(self, kind: ContentKind) -> Text:
        """The words over a shelf; empty where there are none."""
        found = self._read(f"{kind.folder}-description/{kind.folder}-description.md")
        return Text(found.text.strip() if found else "")

    def about(self) -> About:
        found = self._read("about/about.md")
        if found is None:
            return About("About", NO_ABOUT, stamp(self.since), UNKNOWN)
        title = next((line[2:].strip() for line in found.text.split("\n") if line.startswith("# ")), "")
        version = self._object("about/meta.json").get("modelVersion")
        said = str(version) if isinstance(version, str | int | float) else ""
        return About(title or "About", found.text, stamp(found.changed), said or UNKNOWN)

    def landing(self) -> Landing:
        words = self._object("landing-page/landing.json")
        found = self._read("landing-page/content.md")
        headline, subheadline = words.get("headline"), words.get("subheadline")
        return Landing(
            headline if isinstance(headline, str) else NO_HEADLINE,
            subheadline if isinstance(subheadline, str) else NO_SUBHEADLINE,
            found.text if found else NO_LANDING,
            stamp(found.changed if found else self.since),
        )

    def landing_summary(self) -> DatedText:
        found = self._read("landing-summary/current.md")
        text = found.text.strip() if found else ""
        return DatedText(text or NO_SUMMARY, stamp(found.changed if found else self.since))

    def visitor_greeting(self) -> DatedText:
        found = self._read("visitor-greeting/greeting.md")
        if found is None:
            return DatedText(NO_GREETING, stamp(self.since))
        return DatedText(found.text, stamp(found.changed))

    def _object(self, relative: str) -> dict[str, Any]:
        found = self._read(relative)
        try:
            value = json.loads(found.text) if found else None
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def _read(self, relative: str) -> _Found | None:
        """The text of a regular file inside the home; odd bytes are replaced, line ends become LF."""
        try:
            descriptor = os.open(safe_path(self.home, relative), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, PathRefusedError):
            return None
        try:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode) or info.st_size > LARGEST:
                return None
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(LARGEST)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        text = data.decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
        return _Found(text, EPOCH + timedelta(microseconds=info.st_mtime_ns // 1000))
