"""config/default.toml as typed declarations, and what turns a written value into a setting."""

import ipaddress
import math
import re
import tomllib
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import attrs

from runner.errors import SettingsError
from runner.settings.tree import Settings

__all__ = ["Option", "declared", "kind_of"]


@attrs.frozen(kw_only=True)
class Option:
    """One setting as config/default.toml declares it. The class tree gives its kind."""

    key: str
    kind: Any
    default: object
    env: str
    unit: str
    applies: str
    about: str
    choices: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    check: str = ""
    path: bool = False
    secret: bool = False
    unused: str = ""

    def shown(self, value: object) -> str:
        """The value for people; a secret shows only whether it is set."""
        if self.secret:
            return "(hidden)" if value else "(not set)"
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, tuple | list):
            return ", ".join(str(item) for item in value)
        return str(value)

    def convert(self, raw: object, origin: str) -> object:
        """The typed value of what *origin* says; a SettingsError names setting, value and what is allowed."""
        try:
            value = _convert(self.kind, raw)
            self._check(value)
        except ValueError as error:
            said = "a value that is not shown" if self.secret else repr(raw)
            allowed = str(error)
            raise SettingsError(f"{self.key} ({origin}) is {said}; allowed: {allowed}") from None
        return value

    def _check(self, value: object) -> None:
        if self.choices:
            for item in value if isinstance(value, tuple) else (value,):
                if item not in self.choices:
                    raise ValueError("one of " + ", ".join(self.choices))
        if isinstance(value, int | float) and not isinstance(value, bool):
            low = -math.inf if self.min is None else self.min
            high = math.inf if self.max is None else self.max
            if not low <= value <= high:
                raise ValueError(self._range())
        if self.check:
            CHECKS[self.check](value)

    def _range(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.max is None:
            return f"{self.min} or more{unit}"
        return f"{self.min} to {self.max}{unit}"


def declared(file: Path) -> dict[str, Option]:
    """All options of *file* in its order, by dotted key."""
    with file.open("rb") as opened:
        document = tomllib.load(opened)
    options: dict[str, Option] = {}
    for name, entry in document.items():
        if "env" in entry:
            options[name] = _option(name, entry)
        else:
            for key, inner in entry.items():
                options[f"{name}.{key}"] = _option(f"{name}.{key}", inner)
    return options


def _option(key: str, entry: Mapping[str, Any]) -> Option:
    facts = dict(entry)
    facts["choices"] = tuple(facts.get("choices", ()))
    option = Option(key=key, kind=kind_of(key), **facts)
    return attrs.evolve(option, default=option.convert(option.default, "default"))


def kind_of(key: str) -> Any:
    """The declared type of a dotted key in the class tree."""
    owner: Any = Settings
    for part in key.split("."):
        owner = attrs.fields_dict(owner)[part].type
    return owner


def _convert(kind: Any, raw: object) -> object:
    origin = get_origin(kind)
    if origin is tuple:
        return _texts(raw)
    if origin is types.UnionType and Path in get_args(kind):
        return None if raw == "" else _path(raw)
    converter: Callable[[object], object] = CONVERTERS[kind]
    return converter(raw)


def _text(raw: object) -> str:
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, str | int):
        text = str(raw).strip()
        if not text.isprintable():
            raise ValueError("one line of printable text")
        return text
    raise ValueError("text")


def _path(raw: object) -> Path:
    if not isinstance(raw, str | Path) or not str(raw) or "\0" in str(raw):
        raise ValueError("a path")
    try:
        return Path(raw).expanduser()
    except RuntimeError:
        raise ValueError("a path whose user exists") from None


def _bool(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in {"true", "yes", "on", "1"}:
        return True
    if word in {"false", "no", "off", "0"}:
        return False
    raise ValueError("true or false")


def _int(raw: object) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", raw):
        return int(raw)
    raise ValueError("a whole number")


def _float(raw: object) -> float:
    if isinstance(raw, int | float | str) and not isinstance(raw, bool):
        try:
            number = float(raw)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
    raise ValueError("a number")


def _date(raw: object) -> date:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    if isinstance(raw, str):
        try:
            return date.fromisoformat(raw.strip())
        except ValueError:
            pass
    raise ValueError("a date such as 2026-01-15")


def _texts(raw: object) -> tuple[str, ...]:
    items = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(items, list | tuple):
        raise ValueError("a list of texts, or one text with commas between them")  # noqa: TRY004 - one family of errors
    return tuple(text for text in map(_text, items) if text)


CONVERTERS: Mapping[Any, Callable[[object], object]] = types.MappingProxyType(
    {str: _text, bool: _bool, int: _int, float: _float, date: _date, Path: _path}
)


def _check_filled(value: object) -> None:
    if not value:
        raise ValueError("a text that is not empty")


def _check_zone(value: object) -> None:
    try:
        ZoneInfo(str(value))
    except (OSError, ValueError, KeyError):
        raise ValueError("the name of a time zone this machine has data for, such as America/New_York") from None


def _check_url(value: object) -> None:
    try:
        parts = urlsplit(str(value))
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("an address that begins with http:// or https://")


def _check_url_or_off(value: object) -> None:
    if value != "":
        try:
            _check_url(value)
        except ValueError as error:
            raise ValueError(f"{error}, or nothing") from None


def _check_chat(value: object) -> None:
    if value != "" and not re.fullmatch(r"-?[0-9]{1,20}", str(value)):
        raise ValueError("the number of a chat, or nothing")


def _check_chats(value: object) -> None:
    for item in _texts(value):
        if not re.fullmatch(r"[^:\s][^:]*:\s*-?[0-9]{1,20}", item):
            raise ValueError("name:chat_id pairs with commas between them")


def _check_networks(value: object) -> None:
    for item in _texts(value):
        try:
            ipaddress.ip_network(item, strict=False)
        except ValueError:
            raise ValueError("addresses or networks such as 10.0.0.0/8, with commas between them") from None


CHECKS: Mapping[str, Callable[[object], None]] = types.MappingProxyType(
    {
        "filled": _check_filled,
        "zone": _check_zone,
        "url": _check_url,
        "url-or-off": _check_url_or_off,
        "chat": _check_chat,
        "chats": _check_chats,
        "networks": _check_networks,
    }
)
