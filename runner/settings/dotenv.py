"""The home's runner/.env: KEY=VALUE lines, # comments, one pair of surrounding quotes taken off."""

import re

__all__ = ["parse_env"]

LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)")


def parse_env(text: str) -> tuple[dict[str, str], tuple[int, ...]]:
    """The values by name, and the numbers of lines that are no value, no comment and not empty. The last wins."""
    values: dict[str, str] = {}
    bad: list[int] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = LINE.fullmatch(stripped)
        if match is None:
            bad.append(number)
            continue
        values[match[1]] = _value(match[2].strip())
    return values, tuple(bad)


def _value(written: str) -> str:
    if len(written) >= 2 and written[0] in "'\"":
        end = written.find(written[0], 1)
        rest = written[end + 1 :].strip()
        if end > 0 and (not rest or rest.startswith("#")):
            return written[1:end]
    # a comment after a bare value needs a space before it, so that a # inside a password stays
    return re.split(r"\s+#", written, maxsplit=1)[0].strip()
