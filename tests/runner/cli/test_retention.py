"""`retention`, with no process running."""

import os
from datetime import timedelta

from tests.runner.cli.conftest import NOW, CommandLine


def test_a_dry_run_counts_and_the_sweep_does(lived: CommandLine) -> None:
    """Counts are printed and logged; `--dry-run` leaves everything where it is; RETENTION_DAYS is heard."""
    path = lived.home / "moderation" / "old.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    moment = (NOW - timedelta(days=20)).timestamp()
    os.utime(path, (moment, moment))
    assert "moderation: would prune 0\n" in lived("retention", "--dry-run").out
    lived.environ["RETENTION_DAYS"] = "10"
    assert "moderation: would prune 1\n" in lived("retention", "--dry-run").out
    assert path.exists()
    ran = lived("retention", "--json")
    assert {"name": "moderation", "count": 1, "failed": 0} in ran.json
    assert (ran.code, path.exists()) == (0, False)
    log = (lived.home / "logs" / "retention-sweep.log").read_text()
    assert log.count("retention sweep is complete") == 3
    assert "moderation: pruned 1" in log
