"""The files of the resident's own wakes: the one that is set, and those that were.

`data/self-schedule.json` and its history are read by other programs and keep their form. Blocking; small files.
"""

from datetime import UTC, date, datetime, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from runner.storage import files, jsonl
from runner.storage.filelock import locked
from runner.triggers.selfwake import LONGEST_REASON, Fired, Pending

__all__ = ["SelfWakeFile"]

LARGEST = 64 * 1024
LOOKED_BACK = 200
"""Records of the history that are looked at: three a day and a horizon of a week need far fewer."""


@attrs.frozen
class SelfWakeFile:
    """See the module. `data` is the home's folder of that name."""

    data: Path
    zone: ZoneInfo

    @property
    def path(self) -> Path:
        return self.data / "self-schedule.json"

    @property
    def history(self) -> Path:
        return self.data / "self-schedule-history.jsonl"

    def pending(self) -> Pending | None:
        """What is set; None when nothing is, or when the file holds something else."""
        try:
            value = files.read_json(self.path, limit=LARGEST)
            return Pending(
                wake_at=self._moment(value["wake_at"]),
                reason=str(value["reason"])[:LONGEST_REASON],
                created_at=self._moment(value.get("created_at") or value["wake_at"]),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, files.FileTooLarge):
            return None

    def set(self, pending: Pending) -> Pending | None:
        """Make this the one that is set, on disk when this returns; gives the one it replaced."""
        files.make_folder(self.data, mode=0o750)
        with self._lock():
            before = self.pending()
            record = {
                "wake_at": self._local(pending.wake_at),
                "reason": pending.reason,
                "created_at": self._local(pending.created_at),
            }
            files.write_json(self.path, record, mode=0o640)
            return before

    def clear(self, only: Pending | None = None) -> Pending | None:
        """Unset; with *only*, just that one, because another may have been set since it was read."""
        if not self.path.exists():
            return None
        with self._lock():
            before = self.pending()
            if only is not None and (before is None or before.key != only.key):
                return None
            self.path.unlink(missing_ok=True)
            files.sync_folder(self.data)
            return before

    def fired(self) -> tuple[Fired, ...]:
        """The own wakes that the history tells of, oldest first."""
        found = []
        for record in jsonl.tail(self.history, LOOKED_BACK).items:
            try:
                moment = self._moment(record.get("fired_at") or record["wake_at"])
                found.append(Fired(date.fromisoformat(record["date"]), moment))
            except (ValueError, TypeError, KeyError):
                continue  # a line that another program broke counts for nothing
        return tuple(found)

    def note(self, pending: Pending, fired_at: datetime) -> None:
        """Tell the history of a wake that began, unless it knows."""
        wake_at = self._local(pending.wake_at)
        with self._lock():
            known: list[dict[str, Any]] = list(jsonl.tail(self.history, LOOKED_BACK).items)
            if any(record.get("wake_at") == wake_at and record.get("reason") == pending.reason for record in known):
                return
            record = {
                "date": fired_at.astimezone(self.zone).date().isoformat(),
                "wake_at": wake_at,
                "reason": pending.reason,
                "fired_at": self._local(fired_at),
            }
            jsonl.append(self.history, record, sync=True, mode=0o640)

    def _lock(self) -> Any:
        return locked(self.data / ".self-schedule.lock")

    def _moment(self, text: str) -> datetime:
        moment = datetime.fromisoformat(text)
        # with a fixed offset: two moments of one zone are compared by their wall clocks, which an autumn night repeats
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)

    def _local(self, moment: datetime) -> str:
        local = moment.astimezone(self.zone)
        offset = local.utcoffset()
        assert offset is not None
        return local.astimezone(timezone(offset)).isoformat(timespec="seconds")
