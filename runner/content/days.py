"""Which day an entry is of: as its frontmatter says it, else as its name does, else when its file was written."""

import re
import unicodedata
from datetime import UTC, date, datetime, tzinfo

import attrs

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:\Z|[T\s])", re.ASCII)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = r"(?P<month>[a-z]{3,9})\.?"
_DASH = r"[-/._\s\u2010-\u2015\u2212]"
_WRITTEN = (
    # a real order of the parts can be told in each of these; 3/4/2026 is none of them, because two peoples differ
    re.compile(
        rf"(?P<y>\d{{4}})\s*(?:{_DASH}|\u5e74)\s*(?P<m>\d{{1,2}})\s*(?:{_DASH}|\u6708)\s*(?P<d>\d{{1,2}})(?!\d)"
    ),
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?!\d)"),
    re.compile(rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\.?(?:\s+of)?[\s-]+{_MONTH},?[\s-]+(?P<y>\d{{4}})(?!\d)"),
    re.compile(rf"{_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})(?!\d)"),
    re.compile(r"(?P<d>\d{1,2})\.\s*(?P<m>\d{1,2})\.\s*(?P<y>\d{4})(?!\d)"),
)
_DIFFERS = re.compile(r"(?P<a>\d{1,2})[/-](?P<b>\d{1,2})[/-](?P<y>\d{4})(?!\d)")
_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+")
_NAMED = re.compile(
    rf"(?<!\d)(\d{{4}}){_DASH}(\d{{1,2}}){_DASH}(\d{{1,2}})(?!\d)|(?<!\d)(\d{{4}})(\d{{2}})(\d{{2}})(?!\d)"
)
LONGEST = 80
"""Characters that a date may take; nobody writes a longer one."""
MONTHS_OF_A_YEAR = 12


@attrs.frozen
class Day:
    """A day as the contract writes it, and what was guessed to have it."""

    text: str
    guessed: str = ""


def day_of(stated: str | None, stem: str, mtime_ns: int, zone: tzinfo) -> Day:
    """The entry's day."""
    written = (stated or "").strip()
    if _ISO.match(written) and _is_real(written[:10]):
        return Day(written[:10])
    said = f"date {written[:40]!r} is no day" if written else "date is missing"
    read = _read(written[:LONGEST]) if written else None
    if read is not None:
        return Day(read, f"date {written[:40]!r} was read as {read}; write it as YYYY-MM-DD")
    named = in_name(stem)
    if named is not None:
        return Day(named, f"{said}; {named} was taken from the file's name")
    day = _day_of_time(mtime_ns, zone)
    return Day(day, f"{said}; {day} was taken from when the file was written")


def in_name(stem: str) -> str | None:
    """The first real day in a name."""
    for match in _NAMED.finditer(stem):
        parts = match.groups()
        year, month, day = parts[:3] if parts[0] else parts[3:]
        found = _real(int(year), int(month), int(day))
        # eight digits may be any number; a life's days are of these centuries
        if found is not None and (parts[0] or "1900" <= year < "2200"):
            return found
    return None


def _read(written: str) -> str | None:
    text = unicodedata.normalize("NFKC", written).casefold().strip()
    text = _WEEKDAY.sub("", text, count=1) if _WEEKDAY.match(text) else text
    for form in _WRITTEN:
        match = form.match(text)
        if match is None:
            continue
        parts = match.groupdict()
        month = int(parts["m"]) if "m" in parts else _MONTHS.get(parts["month"])
        return _real(int(parts["y"]), month, int(parts["d"])) if month else None
    match = _DIFFERS.match(text)
    if match is not None:
        first, second = int(match["a"]), int(match["b"])
        if first > MONTHS_OF_A_YEAR:
            return _real(int(match["y"]), second, first)
        if second > MONTHS_OF_A_YEAR or first == second:
            return _real(int(match["y"]), first, second)
    return None


def _real(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _is_real(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _day_of_time(mtime_ns: int, zone: tzinfo) -> str:
    try:
        return datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC).astimezone(zone).date().isoformat()
    except (OverflowError, ValueError, OSError):  # a file's time may be any number
        return "1970-01-01"
