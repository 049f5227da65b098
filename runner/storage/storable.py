"""What any encoder, file and database takes: texts without halves of surrogate pairs, figures that fit.

Both come from outside: JSON may spell half a pair, file names may be no UTF-8, and a number may have any size.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Storing", "cleaned", "encodable"]

_LARGEST = 2**63 - 1


def encodable(text: str) -> str:
    """The same text; two halves that belong together become their character, one that is alone a question mark."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return whole.encode("utf-8", "replace").decode()
    return text


def cleaned(value: Any) -> Any:
    """A JSON value with all its texts encodable, names of members too."""
    match value:
        case str():
            return encodable(value)
        case dict():
            return {encodable(name) if isinstance(name, str) else name: cleaned(each) for name, each in value.items()}
        case list() | tuple():
            return [cleaned(each) for each in value]
    return value


class Storing(sqlite3.Connection):
    """A connection whose statements never fail for the value of a parameter.

    A record that can't be written for one odd figure is a record lost: what doesn't fit becomes what comes nearest.
    """

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return super().execute(sql, _fitted(parameters))


def _fitted(parameters: Iterable[Any] | Mapping[str, Any]) -> Any:
    if isinstance(parameters, Mapping):
        return {name: _fit(value) for name, value in parameters.items()}
    return tuple(map(_fit, parameters))


def _fit(value: Any) -> Any:
    match value:
        case bool():
            return value
        case str():
            return encodable(value)
        case int():
            return max(-_LARGEST, min(_LARGEST, value))
        case float():
            return value if math.isfinite(value) else None
    return value
