"""The letters a `correspondence` session is for: what each named correspondent wrote and nobody has answered."""

import re
from collections.abc import Sequence
from pathlib import Path

from runner.correspondence import RESIDENT, Message, Threads, unanswered
from runner.session.sources.base import Ask, Letter, Letters, Source, one_line
from runner.storage import files

TOTAL_LIMIT = 40_000
BODY_LIMIT = 12_000
ACCOUNTS = "mailbox-accounts.json"
_USER = re.compile(r"[a-z0-9][a-z0-9-]{0,18}[a-z0-9]")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}")


def users_of(message: str) -> tuple[str, ...]:
    """The correspondents a wake names, with commas between them; what can't be a name is left out."""
    names = dict.fromkeys(name.strip() for name in message.split(","))
    return tuple(name for name in names if _USER.fullmatch(name) and name != RESIDENT)


def in_words(message: Message, user: str) -> str:
    """One letter: when, its name for an answer, its text, and where a picture lies that came with it."""
    body = message.body.strip()
    if len(body) > BODY_LIMIT:
        body = body[:BODY_LIMIT] + "\n[... cut here]"
    lines = [f"[{one_line(message.ts or '?', 40)}] (id: {one_line(message.id or '?', 60)})", body]
    name = (message.attachment or {}).get("filename")
    if isinstance(name, str) and _FILE.fullmatch(name):
        lines.append(f"attachment: mailbox/{user}/attachments/{name}")
    return "\n".join(lines)


def letters(mailbox: Path, accounts: Path, users: Sequence[str]) -> Letters:
    """A block for each correspondent, within the limit of all. Blocking."""
    names = display_names(accounts)
    shown: list[Letter] = []
    total = more = 0
    for user in users:
        parts: list[str] = []
        for message in unanswered(Threads(mailbox).tail(user)):
            text = in_words(message, user)
            if total + len(text) > TOTAL_LIMIT:
                more += 1
                continue
            total += len(text)
            parts.append(text)
        if parts:
            head = f"From {one_line(names.get(user, user), 60)} (user name: {user})"
            shown.append(Letter(f"mailbox/{user}", "\n\n".join([head, *parts]), user))
    return Letters(tuple(shown), more)


def display_names(accounts: Path) -> dict[str, str]:
    """What the correspondents call themselves, by user name. Blocking."""
    try:
        found = files.read_json(accounts, limit=4 * 1024 * 1024)
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        str(account["username"]): str(account["display_name"])
        for account in found.values()
        if isinstance(account, dict) and account.get("username") and account.get("display_name")
    }


async def gather(ask: Ask) -> Letters:
    if ask.kind.name != "correspondence":
        return Letters()
    paths = ask.settings.paths
    return await ask.run_sync(lambda: letters(paths.mailbox, paths.data / ACCOUNTS, users_of(ask.message)))


SOURCE = Source("letters_context", gather, fallback=Letters())
