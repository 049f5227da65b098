"""What lives as long as the process is out of the collector's sight, and only while the process lives."""

import gc

from runner.process.garbage import calm_collector


def test_what_is_there_when_all_is_ready_is_looked_at_no_more() -> None:
    """Frozen at the given moment, with thresholds for serving; afterwards everything is as it was."""
    before = gc.get_threshold()
    with calm_collector(starting=(90_000, 9, 9), serving=(8_000, 7, 7)) as ready:
        assert gc.get_threshold() == (90_000, 9, 9)
        assert gc.get_freeze_count() == 0
        ready()
        assert gc.get_threshold() == (8_000, 7, 7)
        assert gc.get_freeze_count() > 1_000
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
