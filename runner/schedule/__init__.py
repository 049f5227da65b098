"""When the resident wakes by the clock: pure functions of a table of hours and a zone. Nothing here reads a clock."""

from runner.schedule.slots import SLOT_TYPES, Missed, OlderSlots, Schedule, Slot, latest_start, load_schedule

__all__ = ["SLOT_TYPES", "Missed", "OlderSlots", "Schedule", "Slot", "latest_start", "load_schedule"]
