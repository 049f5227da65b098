"""A file's bytes as text: UTF-8 nearly always, and what else a person's editor may have written."""

import codecs
import re

import attrs

LARGEST_SHARE = 0.04
"""Control characters in what is not UTF-8: more of them and it is no text. An eighth of random bytes are."""

LARGEST_SHARE_OF_TEXT = 0.3
"""The same in what is UTF-8; a short text may hold a stray one, a file filled with zeros by a crash has no other."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PICTURES_AND_ARCHIVES = (
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"%PDF-",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"\x7fELF",
    b"SQLite format 3\0",
)
_CONTROL = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
_WINDOWS = {
    # what strict UTF-8 refuses comes as these surrogates; five bytes mean nothing in cp1252 and are read as Latin-1
    0xDC00 + byte: bytes((byte,)).decode("cp1252", "ignore") or chr(byte)
    for byte in range(0x80, 0x100)
}


class NoTextError(Exception):
    """The bytes are no text; what they seem to be instead."""


@attrs.frozen
class Decoded:
    """The text without a byte order mark, with LF at the ends of lines."""

    text: str
    guessed: str = ""
    """How it was read, where its bytes don't say."""


def decoded(data: bytes) -> Decoded:
    """The text; `NoTextError` where there is none."""
    if data.startswith(_PICTURES_AND_ARCHIVES):
        raise NoTextError("no text (a picture, an archive or a program)")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _odd(data)
    if "\0" in text:
        return _odd(data)
    return Decoded(with_line_feeds(text.lstrip("\ufeff")))


def anyhow(data: bytes) -> str:
    """The text, or what of it can be shown, for readers that leave nothing out."""
    try:
        return decoded(data).text
    except NoTextError:
        return with_line_feeds(data.decode("utf-8", "replace"))


def with_line_feeds(text: str) -> str:
    if "\r" not in text:
        return text
    text = text.replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")


def _odd(data: bytes) -> Decoded:
    for mark, encoding in _MARKS[1:]:
        if data.startswith(mark):
            return Decoded(with_line_feeds(data[len(mark) :].decode(encoding, "replace")))
    unmarked = _unmarked(data)
    if unmarked is not None:
        name = unmarked.upper().removesuffix("-LE").removesuffix("-BE")
        return Decoded(
            with_line_feeds(data.decode(unmarked, "replace")),
            f"the file is not UTF-8; it was read as {name} (save it as UTF-8)",
        )
    share = len(_CONTROL.findall(data)) / len(data)
    text = data.decode("utf-8", "surrogateescape")
    is_utf8 = text.isascii() or not any("\udc80" <= char <= "\udcff" for char in set(text))
    if share > (LARGEST_SHARE_OF_TEXT if is_utf8 else LARGEST_SHARE):
        raise NoTextError(f"no text ({share:.0%} of it are control characters)")
    if is_utf8:
        return Decoded(with_line_feeds(text.lstrip("\ufeff")))
    return Decoded(
        with_line_feeds(text.lstrip("\ufeff").translate(_WINDOWS)),
        "the file is not all UTF-8; what is not was read as Windows-1252 (save it as UTF-8)",
    )


def _unmarked(data: bytes) -> str | None:
    """UTF-16 without its mark, told by where its zeros are: between the letters, and nowhere else."""
    half = len(data) // 2
    if half == 0 or len(data) % 2:
        return None
    first, second = data[::2].count(0) / half, data[1::2].count(0) / half
    few, many = sorted((first, second))
    if many < 0.4 or few > 0.02:  # ordinary text has nearly none, or nearly all
        return None
    return "utf-16-le" if second > first else "utf-16-be"
