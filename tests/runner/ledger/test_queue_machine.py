"""The queue under any sequence of requests, claims, crashes, returns and ends."""

import sqlite3
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runner.ledger import TERMINAL, SessionFacts, SessionOutcome, WakeRequest, hooks, schema, sessions, wakes
from runner.storage.sqlite import transaction

START = datetime(2026, 2, 3, 11, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
KINDS = st.sampled_from(["talk", "telegram", "noon", "custom", "self", "visit", "correspondence"])


class Queue(RuleBasedStateMachine):
    """A plain model beside the tables: after each step both say the same."""

    @initialize()
    def open(self) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        self.db.row_factory = sqlite3.Row
        schema.migrate(self.db)
        self.now = START
        self.state: dict[str, str] = {}
        self.slots: dict[str, str] = {}
        self.returns: dict[str, int] = {}

    def teardown(self) -> None:
        self.db.close()

    def ids(self, *states: str) -> list[str]:
        return [wake_id for wake_id, state in self.state.items() if state in states]

    @rule(minutes=st.integers(0, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(kind=KINDS, waits=st.sampled_from([None, 0, 30]), lasts=st.sampled_from([None, 60]))
    def enqueue(self, kind: str, waits: int | None, lasts: int | None) -> None:
        request = WakeRequest(
            type=kind,
            not_before=None if waits is None else self.now + timedelta(minutes=waits),
            expires_at=None if lasts is None else self.now + timedelta(minutes=lasts),
        )
        with transaction(self.db):
            wake = wakes.enqueue(self.db, request, self.now, ZONE)
        assert wake.created
        assert wake.id not in self.state
        self.state[wake.id] = "queued"

    @rule(hour=st.integers(0, 5), late=st.booleans())
    def slot(self, hour: int, late: bool) -> None:
        slot = START + timedelta(hours=hour)
        key = slot.isoformat()
        with transaction(self.db):
            if late:
                made = wakes.record_missed_slot(self.db, slot, "noon", "not running", now=self.now, zone=ZONE)
                assert made == (key not in self.slots)
                if made:
                    self.slots[key] = wakes.enqueue(self.db, WakeRequest(type="noon", slot=key), self.now, ZONE).id
                    self.state[self.slots[key]] = "missed"
                return
            wake = wakes.enqueue(self.db, WakeRequest(type="noon", slot=key), self.now, ZONE)
        assert wake.created == (key not in self.slots)
        assert self.slots.setdefault(key, wake.id) == wake.id
        assert wake.state == self.state.setdefault(wake.id, "queued")

    @rule()
    def claim(self) -> None:
        open_before = [wake for wake in wakes.pending(self.db) if wake.state == "queued"]
        ready = [
            wake
            for wake in open_before
            if (wake.not_before or self.now) <= self.now and (wake.expires_at is None or wake.expires_at > self.now)
        ]
        due = wakes.next_due(self.db, self.now)
        with transaction(self.db):
            wake = wakes.claim(self.db, self.now)
        if not ready:
            assert wake is None
            assert due is None or due > self.now
            return
        assert due == self.now
        assert wake is not None
        assert wake.id == ready[0].id
        assert wake.priority == min(each.priority for each in ready)
        self.state[wake.id] = "claimed"

    @precondition(lambda self: self.ids("claimed"))
    @rule(data=st.data(), counted=st.booleans())
    def release(self, data: st.DataObject, counted: bool) -> None:
        wake_id = data.draw(st.sampled_from(self.ids("claimed")))
        self.returns[wake_id] = self.returns.get(wake_id, 0) + counted
        with transaction(self.db):
            wakes.release(self.db, wake_id, self.now, counted=counted)
        self.state[wake_id] = "queued" if self.returns[wake_id] <= wakes.MAX_RETURNS else "failed"

    @precondition(lambda self: self.ids("claimed"))
    @rule(data=st.data())
    def spawn(self, data: st.DataObject) -> None:
        wake_id = data.draw(st.sampled_from(self.ids("claimed")))
        with transaction(self.db):
            sessions.spawning(self.db, wake_id, SessionFacts(backend="rehearsal", started_at=self.now))
        self.state[wake_id] = "spawning"

    @precondition(lambda self: self.ids("spawning"))
    @rule(data=st.data())
    def run(self, data: st.DataObject) -> None:
        wake_id = data.draw(st.sampled_from(self.ids("spawning")))
        with transaction(self.db):
            sessions.running(self.db, wake_id, 1, 1)
        self.state[wake_id] = "running"

    @precondition(lambda self: self.ids("claimed", "spawning", "running", *TERMINAL))
    @rule(data=st.data(), state=st.sampled_from(TERMINAL))
    def finish(self, data: st.DataObject, state: str) -> None:
        wake_id = data.draw(st.sampled_from(self.ids("claimed", "spawning", "running", *TERMINAL)))
        outcome = SessionOutcome(state=state, reason="x", ended_at=self.now, hooks=("mood",))
        with transaction(self.db):
            row = sessions.finish(self.db, wake_id, outcome)
        if self.state[wake_id] not in TERMINAL:
            self.state[wake_id] = state
        assert row.state == self.state[wake_id]

    @precondition(lambda self: self.ids("queued", "claimed"))
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        wake_id = data.draw(st.sampled_from(self.ids("queued", "claimed")))
        with transaction(self.db):
            wakes.refuse(self.db, wake_id, "paused", self.now)
        self.state[wake_id] = "refused"

    @rule()
    def expire(self) -> None:
        late = {
            w.id for w in wakes.pending(self.db) if w.state == "queued" and w.expires_at and w.expires_at <= self.now
        }
        with transaction(self.db):
            assert {wake.id for wake in wakes.expire(self.db, self.now)} == late
        self.state.update(dict.fromkeys(late, "missed"))

    @rule()
    def process_ends_and_starts(self) -> None:
        """What the session actor does at its start after a crash."""
        with transaction(self.db):
            for row in sessions.unfinished(self.db):
                sessions.finish(
                    self.db, row.session_id, SessionOutcome(state="interrupted", reason="crash", ended_at=self.now)
                )
                self.state[row.session_id] = "interrupted"
            for wake_id in self.ids("claimed"):
                self.returns[wake_id] = self.returns.get(wake_id, 0) + 1
                self.state[wake_id] = wakes.release(self.db, wake_id, self.now).state
        assert not self.ids("claimed", "spawning", "running")

    @invariant()
    def tables_and_model_agree(self) -> None:
        if not hasattr(self, "db"):
            return
        stored = {row["id"]: row["state"] for row in self.db.execute("SELECT id, state FROM wakes")}
        assert stored == self.state
        ended = {row["session_id"]: row["state"] for row in self.db.execute("SELECT session_id, state FROM sessions")}
        # a session's row exists exactly for what ran or ended, with the same state: one record, never two, never none
        assert ended == {wake_id: state for wake_id, state in self.state.items() if state not in {"queued", "claimed"}}
        assert {wake.id for wake in wakes.pending(self.db)} == set(self.ids("queued", "claimed", "spawning", "running"))
        for key, wake_id in self.slots.items():
            assert self.db.execute("SELECT id FROM wakes WHERE slot = ?", (key,)).fetchone()["id"] == wake_id
        assert set(hooks.unfinished_sessions(self.db)) <= set(ended)


Queue.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
TestQueue = Queue.TestCase
TestQueue.__doc__ = "Whatever happens in whatever order, nothing accepted is lost and nothing ends twice."
