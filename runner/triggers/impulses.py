"""Impulses: short wishes the resident leaves itself, read into its context until they expire. Blocking; small files."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs

from runner.errors import RunnerError
from runner.storage import files, jsonl
from runner.storage.filelock import locked

__all__ = ["URGENCIES", "USUAL_LIFE", "Impulse", "ImpulseRefused", "Impulses"]

URGENCIES = ("high", "medium", "low")
LONGEST = 280
MOST = 20
USUAL_LIFE = timedelta(days=7)
LONGEST_LIFE = timedelta(days=365)
LARGEST = 1024 * 1024


class ImpulseRefused(RunnerError):
    """An impulse can't be kept or found; the text says why."""


@attrs.frozen(kw_only=True)
class Impulse:
    """One wish."""

    id: str
    body: str
    urgency: str
    created_at: str
    expires_at: str

    def lives(self, now: datetime) -> bool:
        try:
            ends = datetime.fromisoformat(self.expires_at)
        except ValueError:
            return True  # written by hand: kept until it is dropped
        return (ends if ends.tzinfo else ends.replace(tzinfo=now.tzinfo)) > now


@attrs.frozen
class Impulses:
    """See the module. `data` is the home's folder of that name."""

    data: Path

    @property
    def path(self) -> Path:
        return self.data / "impulses.json"

    @property
    def log(self) -> Path:
        return self.data / "impulses-log.jsonl"

    def live(self, now: datetime) -> tuple[Impulse, ...]:
        """Those that have not expired, oldest first. Reads only."""
        return tuple(impulse for impulse in self._read() if impulse.lives(now))

    def add(self, body: str, *, now: datetime, urgency: str = URGENCIES[-1], life: timedelta = USUAL_LIFE) -> Impulse:
        """Keep one, on disk when this returns."""
        body = body.strip()
        if not body:
            raise ImpulseRefused("an impulse needs words")
        if len(body) > LONGEST:
            raise ImpulseRefused(f"the impulse has {len(body)} characters; at most {LONGEST} are kept")
        if urgency not in URGENCIES:
            raise ImpulseRefused(f"unknown urgency {urgency!r}; allowed: {', '.join(URGENCIES)}")
        if not timedelta() < life <= LONGEST_LIFE:
            raise ImpulseRefused(f"an impulse lives between a moment and {LONGEST_LIFE.days} days")
        files.make_folder(self.data, mode=0o750)
        with self._lock():
            kept = self._without_expired(now)
            if len(kept) >= MOST:
                raise ImpulseRefused(f"{MOST} impulses live already; drop one first (impulse drop ID)")
            made = Impulse(
                id=f"imp_{secrets.token_hex(4)}",
                body=body,
                urgency=urgency,
                created_at=now.isoformat(timespec="seconds"),
                expires_at=(now + life).isoformat(timespec="seconds"),
            )
            self._write([*kept, made])
            self._note("added", made, now)
            return made

    def drop(self, identity: str, *, now: datetime) -> Impulse:
        """Let go of one."""
        if not self.path.exists():
            raise ImpulseRefused(f"there is no impulse {identity!r}; there are none")
        with self._lock():
            kept = self._without_expired(now)
            found = next((impulse for impulse in kept if impulse.id == identity), None)
            if found is None:
                names = ", ".join(impulse.id for impulse in kept) or "none"
                raise ImpulseRefused(f"there is no impulse {identity!r}; there are: {names}")
            self._write([impulse for impulse in kept if impulse is not found])
            self._note("dropped", found, now)
            return found

    def sweep(self, now: datetime) -> int:
        """Move the expired ones to the log; how many."""
        if not self.path.exists():
            return 0
        with self._lock():
            before = self._read()
            kept = self._without_expired(now)
            if len(kept) < len(before):
                self._write(kept)
            return len(before) - len(kept)

    def _without_expired(self, now: datetime) -> list[Impulse]:
        kept = []
        for impulse in self._read():
            if impulse.lives(now):
                kept.append(impulse)
            else:
                self._note("expired", impulse, now)
        return kept

    def _read(self) -> tuple[Impulse, ...]:
        try:
            value = files.read_json(self.path, limit=LARGEST)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            raise ImpulseRefused(f"{self.path} can't be read ({error}); repair or remove it") from None
        if not isinstance(value, list):
            raise ImpulseRefused(f"{self.path} holds no list of impulses; repair or remove it")
        return tuple(_impulse(item, number) for number, item in enumerate(value, 1) if isinstance(item, dict))

    def _write(self, impulses: Sequence[Impulse]) -> None:
        files.write_json(self.path, [attrs.asdict(impulse) for impulse in impulses], mode=0o640)

    def _note(self, action: str, impulse: Impulse, now: datetime) -> None:
        record = {"at": now.isoformat(timespec="seconds"), "action": action, **attrs.asdict(impulse)}
        jsonl.append(self.log, record, sync=True, mode=0o640)

    def _lock(self) -> Any:
        return locked(self.data / ".impulses.lock")


def _impulse(item: dict[str, Any], number: int) -> Impulse:
    """One of the file, also from a hand that left out what has a usual value."""
    urgency = str(item.get("urgency", ""))
    return Impulse(
        id=str(item.get("id") or f"imp_{number}"),
        body=str(item.get("body", "")),
        urgency=urgency if urgency in URGENCIES else URGENCIES[-1],
        created_at=str(item.get("created_at", "")),
        expires_at=str(item.get("expires_at", "")),
    )
